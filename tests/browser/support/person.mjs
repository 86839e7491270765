// A person at a browser of their own: a fresh profile, and nothing wrong in any console.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe } from 'node:test';

import { assertBalanced } from './audit.mjs';
import {
  browserPath, chromium, eventually, extensionFolder, patience, picture,
} from './world.mjs';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const EXTENSION_FLAGS = [
  `--disable-extensions-except=${extensionFolder}`, `--load-extension=${extensionFolder}`,
  '--disable-features=DisableLoadExtensionCommandLineSwitch',
];
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };
/** How long one action of a person may take until the page has followed it. */
const PATIENCE_MS = 30_000;
/** How long a browser may take to start. */
const LAUNCH_MS = 180_000;
const STORY_MS = 240_000;
/** How many stories are told at once where they do not mind. */
const AT_ONCE = 3;

export class Person {
  #context;
  #complaints = [];
  #expected = [];

  /**
   * Opens a browser. `profile` is the folder of an earlier one; `extension` loads Koban's;
   * `browser` is another program than the usual; `display` shows it there, and is
   * closed with it.
   */
  static async open(options = {}) {
    const person = new Person();
    person.profile = options.profile ?? mkdtempSync(join(tmpdir(), 'koban-profile-'));
    person.options = options;
    await person.#launch();
    return person;
  }

  async #launch() {
    const {
      browser = browserPath, display, extension, viewport = display ? null : DESKTOP,
      locale = 'en-GB', colorScheme = 'light',
    } = this.options;
    this.#context = await chromium.launchPersistentContext(this.profile, {
      executablePath: browser,
      headless: !display,
      env: display?.env ?? process.env,
      args: extension ? [...FLAGS, ...EXTENSION_FLAGS] : FLAGS,
      ignoreDefaultArgs: extension ? ['--disable-extensions'] : [],
      viewport,
      locale,
      colorScheme,
      timezoneId: 'Asia/Tokyo',
      acceptDownloads: true,
      timeout: LAUNCH_MS * patience,
    });
    this.#context.setDefaultTimeout(PATIENCE_MS * patience);
    this.#context.on('console', (message) => {
      if (['error', 'warning', 'assert'].includes(message.type())) {
        this.#complain(`${message.text()} (${message.location().url})`);
      }
    });
    this.#context.on('weberror', (error) => this.#complain(String(error.error())));
    await this.#context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }

  #complain(text) {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.#complaints.push(text);
  }

  /** From now on the browser may say such things in the console. */
  expects(pattern) {
    this.#expected.push(pattern);
  }

  get context() {
    return this.#context;
  }

  /** A new tab. */
  tab() {
    return this.#context.newPage();
  }

  async devtools(page) {
    return this.#context.newCDPSession(page);
  }

  /** Where the extension's own pages are. */
  async extensionOrigin() {
    const isIts = (worker) => worker.url().startsWith('chrome-extension://');
    const worker = this.#context.serviceWorkers().find(isIts)
      ?? await this.#context.waitForEvent('serviceworker', isIts);
    return worker.url().split('/').slice(0, 3).join('/');
  }

  /** The browser dies at once, as by a power cut; then it is started again on the same disk. */
  async powerCut() {
    const session = await this.#context.browser().newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const { id } = processInfo.find(({ type }) => type === 'browser');
    const gone = this.#context.waitForEvent('close');
    process.kill(id, 'SIGKILL');
    await gone;
    await eventually('the browser has died', () => !isAlive(id));
    await this.#restart();
  }

  /** Closes the browser and opens it again on the same disk. */
  async restart() {
    await this.#context.close();
    await this.#restart();
  }

  async #restart() {
    // a browser that died left its lock behind
    for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket']) {
      rmSync(join(this.profile, name), { force: true });
    }
    await this.#launch();
  }

  async show(name) {
    const pages = this.#context.pages();
    for (const [number, page] of pages.entries()) {
      await page.screenshot({ path: picture(`${name}-${number}`) }).catch(() => {});
    }
  }

  assertContent() {
    assert.deepEqual(this.#complaints, [], 'errors in the console');
  }

  async close() {
    await this.#context.close();
    await this.options.display?.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

function isAlive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

/** The stories of this script that do not mind others beside them. */
let besideOthers;

/** Has the stories that follow told several at once: none of them may need the edge to itself. */
export function tellSeveralAtOnce() {
  besideOthers = [];
  // once the script has named them all
  queueMicrotask(() => {
    describe('several at once', { concurrency: AT_ONCE }, () => {
      besideOthers.forEach((register) => register());
    });
  });
}

/**
 * A test named by what it shows. `tell` gets a function that brings a person in. At the end no
 * browser may have complained, and coins and reserves must be equal.
 */
export function story(name, tell) {
  const register = () => test(name, { timeout: STORY_MS }, () => told(name, tell));
  if (besideOthers) besideOthers.push(register);
  else register();
}

async function told(name, tell) {
  const cast = [];
  const enter = async (options) => {
    const person = await Person.open(options);
    cast.push(person);
    return person;
  };
  try {
    await tell(enter);
    cast.forEach((person) => person.assertContent());
    await assertBalanced();
  } catch (fault) {
    const label = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 60);
    for (const person of cast) await person.show(`failed-${label}`);
    throw fault;
  } finally {
    await Promise.all(cast.map((person) => person.close()));
  }
}
