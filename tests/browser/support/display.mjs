// A display that nobody sees, for what Chromium shows outside of pages.
import { execFileSync, spawn } from 'node:child_process';

import { eventually, sleep } from './world.mjs';

/** Where Chromium's list of devices has its first line and its button, in a window at 10, 10. */
const FIRST_DEVICE = { x: 250, y: 185 };
const CONNECT = { x: 513, y: 521 };
/** The list is higher up by a line where its title needs one less. */
const LINE = 24;

export class Display {
  #server;

  static async open() {
    const display = new Display();
    // it ends with the browser, should nobody end it
    const words = [
      '-displayfd', '3', '-screen', '0', '1000x800x24', '-nolisten', 'tcp', '-terminate',
    ];
    display.#server = spawn('Xvfb', words, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const number = await new Promise((done, fail) => {
      display.#server.on('error', fail);
      display.#server.stdio[3].once('data', (data) => done(String(data).trim()));
    });
    display.name = `:${number}`;
    return display;
  }

  async #click({ x, y }) {
    execFileSync('xdotool', ['mousemove', String(x), String(y)], { env: this.env });
    await sleep(100);
    execFileSync('xdotool', ['click', '1'], { env: this.env });
    await sleep(100);
  }

  /** For programs that are to be shown here. */
  get env() {
    return { ...process.env, DISPLAY: this.name };
  }

  /** Takes the first device of the list that Chromium shows, until the page `has` it. */
  async choose(has) {
    await eventually('the device is chosen', async () => {
      for (const up of [0, LINE]) {
        await this.#click({ x: FIRST_DEVICE.x, y: FIRST_DEVICE.y - up });
        await this.#click({ x: CONNECT.x, y: CONNECT.y - up });
        if (await has()) return true;
      }
      return false;
    }, { within: 15_000, every: 200 });
  }

  /** Closes the list that Chromium shows without choosing, until the page `has` heard of it. */
  async dismiss(has) {
    await eventually('the list is closed', async () => {
      execFileSync('xdotool', ['key', 'Escape'], { env: this.env });
      return has();
    }, { within: 15_000, every: 200 });
  }

  async close() {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const gone = new Promise((done) => { this.#server.on('exit', done); });
    this.#server.kill();
    await gone;
  }
}
