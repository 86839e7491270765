// What the runner gives to every script, and the waiting that all of them do.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

export const { chromium } = require('playwright-core');
/** The program of axe-core, to be run inside a page. */
export const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Every party's origin, by name. */
export const origins = JSON.parse(process.env.KOBAN_ORIGINS);
/** Where Chromium is. */
export const browserPath = process.env.KOBAN_CHROMIUM ?? '/usr/bin/chromium';
/** The folder of the extension, as a person would load it. */
export const extensionFolder = new URL('../../../web/extension', import.meta.url).pathname;

/** A file in the folder for pictures, which exists afterwards. */
export function picture(name) {
  mkdirSync(process.env.KOBAN_OUT, { recursive: true });
  return join(process.env.KOBAN_OUT, `${name}.png`);
}

/** By how much everything here is slower than on a usual machine. */
export const patience = Number(process.env.KOBAN_PATIENCE ?? 1);

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

/**
 * Repeats `look` until it neither throws nor gives false, and gives what it gave. `what` says what
 * is waited for.
 */
export async function eventually(what, look, { within = 30_000, every = 50 } = {}) {
  const deadline = Date.now() + within * patience;
  let last;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== false && seen !== undefined && seen !== null) return seen;
      last = `it gave ${seen}`;
    } catch (fault) {
      last = fault.message;
    }
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${what}: ${last}`);
    await sleep(every);
  }
}

/** Waits until `look` gives what is expected. */
export const eventuallyIs = (what, look, expected, options) =>
  eventually(what, async () => {
    assert.deepEqual(await look(), expected);
    return true;
  }, options);
