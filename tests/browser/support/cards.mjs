// Simulated cards, and a Chromium that takes them for USB devices.
import { spawn } from 'node:child_process';
import {
  chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Person } from './person.mjs';
import { browserPath, eventually } from './world.mjs';

/** The USB numbers of a card (card/src/frame/usb.rs). */
export const VENDOR_ID = 0x1209;
export const PRODUCT_ID = 0xca5d;

const POLICIES = '/etc/chromium/policies';

/** The instruction bytes of commands (card/src/command.rs). */
export const INSTRUCTION = {
  prove: 0x10, ask: 0x60, pay: 0x61, take: 0x62, finish: 0x63, abort: 0x65, obey: 0x91, head: 0x92,
};

/**
 * Cards on a table: `names` has each one's class, `purse` or `terminal`, or with `:forged` after it
 * one that no originator made. They keep what they hold until the table is closed, in a reader or
 * out of it.
 */
export class Cards {
  #simulator;
  #words;
  #ended = false;
  #folder = mkdtempSync(join(tmpdir(), 'koban-cards-'));
  /** What the simulator has told, an object an event. */
  events = [];

  /**
   * `grantedTo`: the origins whose pages may reach the cards without asking the person.
   * `button`: what the holder does when a card asks: `auto` agrees, `stdin` does as `press` and
   * `refuse` say, `never` does nothing. `originator`: whose cards they are made before.
   */
  static async open(names, { grantedTo, button = 'auto', originator } = {}) {
    const cards = new Cards();
    try {
      await cards.#open(names, button, originator);
      cards.browser = cards.#wrapper(grantedTo);
    } catch (fault) {
      await cards.close();
      throw fault;
    }
    return cards;
  }

  async #open(names, button, originator) {
    const words = Object.entries(names).map(([name, kind]) => `${name}:${kind}`);
    const factory = originator ? ['--originator', originator, '--token', 'demo'] : [];
    this.#words = [
      '--devices', this.#devices, '--cards', join(this.#folder, 'cards'), '--button', button,
      ...factory, ...words,
    ];
    await this.#start();
  }

  /** Where the devices in the reader are shown. */
  get #devices() {
    return join(this.#folder, 'd');
  }

  async #start() {
    const before = this.events.length;
    const simulator = spawn(process.env.KOBAN_CARD_SIMULATOR, this.#words, {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#simulator = simulator;
    this.#ended = false;
    const ended = () => { if (this.#simulator === simulator) this.#ended = true; };
    simulator.on('exit', ended);
    simulator.stdin.on('error', ended);
    createInterface({ input: simulator.stdout })
      .on('line', (line) => this.events.push(JSON.parse(line)));
    await this.#told(before, ({ event }) => event === 'ready');
  }

  /**
   * Takes the power from all cards at once, whatever they are doing, and starts them again over the
   * same memory. They are out of the reader then.
   */
  async powerCut() {
    const gone = new Promise((done) => { this.#simulator.once('exit', done); });
    this.#simulator.kill('SIGKILL');
    await gone;
    const shown = readdirSync(this.#devices).filter((name) => !name.startsWith('.'));
    for (const name of shown) {
      renameSync(join(this.#devices, name), join(this.#devices, `.gone-${name}`));
    }
    await this.#start();
  }

  /** Copies a card's memory over another's; neither is in the reader. */
  copy(from, to) {
    const memory = (name) => join(this.#folder, 'cards', name);
    cpSync(memory(from), memory(to), { recursive: true });
  }

  /**
   * A program that starts Chromium with the shim and, in a mount namespace of its own, the policy
   * that grants the cards. Other Chromiums on the machine see nothing of either.
   */
  #wrapper(grantedTo) {
    const policy = join(this.#folder, 'policy');
    mkdirSync(join(policy, 'managed'), { recursive: true });
    const devices = [{ vendor_id: VENDOR_ID, product_id: PRODUCT_ID }];
    const granted = grantedTo ? [{ devices, urls: [grantedTo].flat() }] : [];
    writeFileSync(join(policy, 'managed', 'card.json'), JSON.stringify({
      WebHidAllowDevicesForUrls: granted,
      WebUsbAllowDevicesForUrls: granted,
    }));
    if (process.getuid() !== 0) {
      throw new Error('only root can give Chromium a policy of its own: run this as root');
    }
    if (!existsSync(POLICIES)) mkdirSync(POLICIES, { recursive: true });
    const path = join(this.#folder, 'chromium');
    writeFileSync(path, `#!/bin/sh
exec unshare --mount --propagation private sh -c '
  mount --bind "${policy}" ${POLICIES} &&
  LD_PRELOAD="${process.env.KOBAN_CARD_SHIM}" KOBAN_CARD_DEVICES="${this.#devices}" \\
    exec "${browserPath}" "$@"' chromium "$@"
`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Waits for an event told after the first `from`. */
  async #told(from, isIt) {
    return eventually('the simulator tells it', () => {
      const news = this.events.slice(from);
      const wrong = news.find(({ event }) => event === 'wrong');
      if (wrong) throw new Error(`${wrong.line}: ${wrong.why}`);
      if (this.#ended) throw new Error('the simulator has ended');
      return news.find(isIt);
    }, { within: 10_000, every: 5 });
  }

  #say(line) {
    this.#simulator.stdin.write(`${line}\n`);
  }

  async #do(line, event, name) {
    const before = this.events.length;
    this.#say(line);
    await this.#told(before, (told) => told.event === event && told.card === name);
  }

  /** Puts a card into the reader; `kind` has it say that it is something no page may reach. */
  plug(name, kind) {
    return this.#do(`plug ${name}${kind ? ` as ${kind}` : ''}`, 'plugged', name);
  }

  unplug(name) {
    return this.#do(`unplug ${name}`, 'unplugged', name);
  }

  /** Empties the reader. */
  async unplugAll() {
    const plugged = new Set();
    for (const { event, card } of this.events) {
      if (event === 'ready') plugged.clear();
      if (event === 'plugged') plugged.add(card);
      if (event === 'unplugged' || event === 'cut') plugged.delete(card);
    }
    for (const name of plugged) await this.unplug(name);
  }

  /** From now on the card comes out of the reader after so many more frames. Gives the wait. */
  cutAfter(name, frames) {
    const before = this.events.length;
    this.#say(`cut ${name} after ${frames}`);
    return () => this.#told(before, (told) => told.event === 'cut' && told.card === name);
  }

  /**
   * From now on the card comes out of the reader at its n-th command: `before` it does it, or when
   * it is done and the card would be `answering`. Gives what tells whether that has happened.
   */
  cutAt(name, moment, n) {
    const before = this.events.length;
    this.#say(`cut ${name} ${moment} ${n}`);
    const isIt = ({ event, card }) => event === 'cut' && card === name;
    return () => this.events.slice(before).find(isIt);
  }

  /** Has a card pass for one by a trick (card/simulator/src/main.rs), or be one again. */
  trick(name, ...trick) {
    this.#say(`trick ${name} ${trick.join(' ')}`);
  }

  /** From now on: gives the wait until the card has carried out such a command. */
  carriesOut(name, instruction) {
    const before = this.events.length;
    return () => this.#told(before, (told) => told.event === 'answered' && told.card === name
      && told.instruction === instruction);
  }

  /** Waits until a card asks its holder, and gives what its display would show. */
  async asked(name, from = 0) {
    const told = await this.#told(from, ({ event, card }) => event === 'asked' && card === name);
    return told.prompt;
  }

  press(name) {
    return this.#do(`press ${name}`, 'answered', name);
  }

  refuse(name) {
    return this.#do(`refuse ${name}`, 'answered', name);
  }

  /** Takes all cards away. */
  async close() {
    if (this.#simulator && !this.#ended) {
      const gone = new Promise((done) => { this.#simulator.on('exit', done); });
      this.#simulator.stdin.end();
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Cards, and a person at a browser that reaches them. Options are those of `Cards.open` and of
 * `Person.open`.
 */
export async function launchWithCards(names, { grantedTo, button, ...options } = {}) {
  const cards = await Cards.open(names, { grantedTo, button });
  try {
    const person = await Person.open({ ...options, browser: cards.browser });
    const close = async () => {
      await person.close();
      await cards.close();
    };
    return { cards, person, context: person.context, close };
  } catch (fault) {
    await cards.close();
    throw fault;
  }
}
