// The cable is pulled at every command of a load, an unload and a purchase, before the card does it
// and after; the page is left, the power goes. Whatever was interrupted is finished once.
import assert from 'node:assert/strict';

import { CardWallet } from './support/card-wallet.mjs';
import { INSTRUCTION } from './support/cards.mjs';
import { story, tellSeveralAtOnce } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventually } from './support/world.mjs';

const SOFT = 5000;
/** Commands that change nothing: select, prove, balances, entry and head. */
const READS = [0xa4, 0x10, 0x50, 0x90, 0x92];
/** What the page shows while something is under way with a card. */
const GOES_ON = 'Money is moving to or from this card.';

tellSeveralAtOnce();

/** The amounts that are in a part of a page now under a name, minor units. */
const minorUnits = (part, id) => part.getByTestId(id).evaluateAll((all) =>
  all.map((it) => Number(it.dataset.minor)));

/** What is on the cards in a part of a page. */
const held = (part) => minorUnits(part, 'card-balance-JPY');

/** A wallet in two tabs: one with the card, one with the balance. */
class Desk {
  /** `hard` is on the card in the end, `soft` in the wallet. */
  static async open(enter, cards) {
    const desk = new Desk();
    desk.cards = cards;
    desk.person = await enter({ browser: cards.browser });
    desk.home = await CardWallet.withCoins(desk.person, SOFT);
    desk.wallet = new CardWallet(await desk.person.tab());
    desk.soft = SOFT;
    desk.hard = 0;
    return desk;
  }

  /** The card in the reader, known to the page, with so much on it. */
  async begin(yen) {
    await this.cards.plug('alice');
    await this.wallet.toCard();
    await this.wallet.at('card-move-submit').waitFor();
    this.moves(yen);
    await this.wallet.move('load', yen);
    await this.rests('load', yen);
  }

  /** Notes that so much is to go onto the card; less than nothing comes off it. */
  moves(yen) {
    this.soft -= yen;
    this.hard += yen;
  }

  /** The newest line of the card's log, as far as the page has read it. */
  async newest() {
    const lines = await this.wallet.at('card-entry').evaluateAll((all) =>
      all.map((line) => [line.dataset.kind, line.textContent]));
    if (lines.length === 0) return {};
    const [[kind, text]] = lines;
    return { kind, yen: Number(text.match(/¥([\d,]+)/)[1].replaceAll(',', '')) };
  }

  /** Whether all is where it belongs, and nothing is under way. */
  async isAtRest(kind, yen) {
    const { wallet, home } = this;
    const newest = await this.newest();
    if (newest.kind !== `card-entry-${kind}` || newest.yen !== yen) return false;
    if (await wallet.page.getByText(GOES_ON).count() > 0) return false;
    if (await wallet.at('card-open').count() > 0) return false;
    const open = home.page.locator('[data-testid=activity-item][data-state=open]');
    if (await open.count() > 0) return false;
    const [hard] = await held(wallet.page);
    const [soft] = await minorUnits(home.page, 'balance-JPY');
    return hard === this.hard && soft === this.soft;
  }

  async rests(kind, yen) {
    await eventually(`${yen} are where they belong`, async () => {
      if (await this.isAtRest(kind, yen)) return true;
      const seen = [await this.newest(), await held(this.wallet.page)];
      throw new Error(`${JSON.stringify(seen)}, not ${this.hard} and ${this.soft}`);
    });
  }

  /** Plugs the card in again, as soon as the page has seen that it is gone. */
  async plugAgain(name) {
    await this.wallet.at('card').waitFor({ state: 'hidden' });
    await this.cards.plug(name);
  }
}

/**
 * Has `act` done again and again, with the cable of a card pulled at its first command, its second
 * ... until one passes uncut; at commands that change the card, before they are done and after.
 * `act` is given what tells whether the cable was pulled, and a number of its own. Gives the
 * instructions that were cut.
 */
async function atEveryCommand(cards, name, act) {
  const cutAt = new Set();
  let number = 0;
  for (let n = 1; ; n += 1) {
    for (const moment of ['before', 'answering']) {
      number += 1;
      const pulled = cards.cutAt(name, moment, n);
      await act(pulled, number);
      if (!pulled()) return cutAt;
      cutAt.add(pulled().instruction);
      if (READS.includes(pulled().instruction)) break;
    }
  }
}

/** Moves money at the card page, the cable being pulled at every command. */
async function movedAtEveryCommand(desk, way, commands) {
  const { cards, wallet } = desk;
  const sign = way === 'load' ? 1 : -1;
  const cutAt = await atEveryCommand(cards, 'alice', async (pulled, yen) => {
    desk.moves(sign * yen);
    await wallet.move(way, yen);
    await eventually('it is done or cut', async () =>
      pulled() !== undefined || desk.isAtRest(way, yen));
    if (pulled()) await desk.plugAgain('alice');
    await desk.rests(way, yen);
  });
  for (const command of commands) {
    assert.ok(cutAt.has(INSTRUCTION[command]), `it was cut at ${command}`);
  }
}

story('vc_14 mondex_1: a load with the cable pulled at every command', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const desk = await Desk.open(enter, cards);
    await desk.begin(1000);
    await movedAtEveryCommand(desk, 'load', ['head', 'obey', 'ask', 'take']);
  }));

story('vc_14 mondex_1: an unload with the cable pulled at every command', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const desk = await Desk.open(enter, cards);
    await desk.begin(2000);
    await movedAtEveryCommand(desk, 'unload', ['head', 'obey', 'pay', 'finish']);
  }));

/** A shop's terminal and a customer's card at one page. */
class Till {
  static async open(desk, cards) {
    const till = new Till();
    Object.assign(till, { desk, cards, wallet: desk.wallet, taken: 0 });
    await till.wallet.go('/terminal');
    await cards.plug('till');
    await till.isThere();
    return till;
  }

  async isThere() {
    await eventually('both cards are there', async () => {
      const { left, taken } = await this.balances();
      return left !== undefined && taken !== undefined;
    });
  }

  /** What is on the customer's card, and in the terminal. */
  async balances() {
    const { wallet } = this;
    const [left] = await held(wallet.at('terminal-customer'));
    const [taken] = await held(wallet.at('terminal'));
    return { left, taken };
  }

  async press(yen) {
    await this.wallet.at('terminal-amount').fill(String(yen));
    await this.wallet.at('terminal-take').click();
  }

  /** Waits until it is paid or cut; whoever is told that the wallet is busy presses again. */
  async ends(isCut) {
    await eventually('it is paid or cut', async () => {
      if (isCut()) return true;
      const busy = this.wallet.page.locator('[data-testid=problem][data-code=busy]');
      if (await busy.count() > 0) await this.wallet.at('terminal-take').click({ timeout: 1000 });
      return await this.wallet.at('terminal-taken').count() > 0 && this.isPaid();
    });
  }

  /** Whether the payment that was begun is done on both sides. */
  async isPaid() {
    if (await this.wallet.at('card-open').count() > 0) return false;
    const { left, taken } = await this.balances();
    return left === this.desk.hard - this.taken && taken === this.taken;
  }

  /** A purchase, with the cable of `name` pulled once, and the button pressed again if need be. */
  async sell(name, pulled, yen) {
    this.taken += yen;
    await this.press(yen);
    await this.ends(() => pulled() !== undefined);
    if (pulled()) {
      const id = name === 'till' ? 'terminal' : 'terminal-customer';
      await this.wallet.at(id).waitFor({ state: 'hidden' });
      await this.cards.plug(name);
      await this.isThere();
      await this.wallet.atRest();
      if (!await this.isPaid()) {
        await this.press(yen);
        await this.ends(() => false);
      }
    }
    await eventually('it is paid once', () => this.isPaid());
  }
}

for (const name of ['alice', 'till']) {
  story(`vc_13 mondex_1: a purchase with the cable of ${name} pulled at every command`, (enter) =>
    withCards({ alice: 'purse', till: 'terminal' }, {}, async (cards) => {
      const desk = await Desk.open(enter, cards);
      await desk.begin(1000);
      const till = await Till.open(desk, cards);
      const sell = (pulled, yen) => till.sell(name, pulled, yen);
      const cutAt = await atEveryCommand(cards, name, sell);
      const expected = name === 'alice' ? ['pay', 'finish'] : ['ask', 'take'];
      for (const command of expected) {
        assert.ok(cutAt.has(INSTRUCTION[command]), `it was cut at ${command}`);
      }
      const { left, taken } = await till.balances();
      assert.equal(left + taken, 1000);
    }));
}

story('vc_14 mondex_1: the page left, and the power gone, at each step that matters', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const desk = await Desk.open(enter, cards);
    const { wallet } = desk;
    await desk.begin(1000);
    const left = () => wallet.page.reload();
    const powerless = async () => {
      await cards.powerCut();
      await desk.plugAgain('alice');
    };
    let number = 0;
    for (const befalls of [left, powerless]) {
      for (const way of ['load', 'unload']) {
        const commands = way === 'load' ? ['head', 'ask', 'take'] : ['head', 'pay', 'finish'];
        for (const command of commands) {
          number += 1;
          const yen = way === 'load' ? 200 - number : 100 - number;
          desk.moves(way === 'load' ? yen : -yen);
          const done = cards.carriesOut('alice', INSTRUCTION[command]);
          await wallet.move(way, yen);
          await done();
          await befalls();
          await desk.rests(way, yen);
        }
      }
    }
  }));
