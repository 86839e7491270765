// Fails if what a visitor of the wallet loads (wasm, JS, CSS) exceeds the limit after brotli.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const LIMIT = 400_000;
const LOADED = /\.(wasm|js|css)$/;

const folder = process.argv[2];
let total = 0;
for (const name of readdirSync(folder, { recursive: true })) {
  // the build's own staging folder begins with a dot
  if (!LOADED.test(name) || name.startsWith('.')) continue;
  const raw = readFileSync(join(folder, name));
  const size = brotliCompressSync(raw).length;
  total += size;
  console.log(`${name}: ${raw.length} bytes, ${size} after brotli`);
}
console.log(`together ${total} of ${LIMIT} bytes after brotli`);
if (total === 0 || total > LIMIT) process.exit(1);
