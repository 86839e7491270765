// Fails if what a visitor of the wallet loads (wasm, JS, CSS) exceeds the limit after brotli, or
// what the holder of a virtual card loads besides exceeds its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const LOADED = /\.(wasm|js|css)$/;
const isVirtualCard = (file) => file.startsWith('koban-virtual-card');
const PARTS = [
  { name: 'the page', limit: 520_000, has: (file) => !isVirtualCard(file) },
  { name: 'the virtual card', limit: 120_000, has: isVirtualCard },
];

const folder = process.argv[2];
// the build's own staging folder begins with a dot
const files = readdirSync(folder, { recursive: true })
  .filter((file) => LOADED.test(file) && !file.startsWith('.'));
for (const { name, limit, has } of PARTS) {
  let total = 0;
  for (const file of files.filter(has)) {
    const raw = readFileSync(join(folder, file));
    const size = brotliCompressSync(raw).length;
    total += size;
    console.log(`${file}: ${raw.length} bytes, ${size} after brotli`);
  }
  console.log(`${name}: ${total} of ${limit} bytes after brotli`);
  if (total === 0 || total > limit) process.exitCode = 1;
}
