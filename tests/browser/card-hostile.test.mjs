// Cards, pages and holders that do not follow the rules, before the wallet's pages: what they get,
// and the plain sentence that a person reads.
import assert from 'node:assert/strict';

import { servePage } from './support/card-page.mjs';
import { CardWallet } from './support/card-wallet.mjs';
import { INSTRUCTION, PRODUCT_ID, VENDOR_ID } from './support/cards.mjs';
import { story, tellSeveralAtOnce } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventually, eventuallyIs, origins } from './support/world.mjs';

/** What pages say, as a person reads it. */
const SAYS = {
  noAnswer: 'What came was no answer of a card. Connect it again.',
  silent: 'The card does not answer, or was pulled out. Connect it again',
  notGenuine: 'Not a card of this originator. Nothing is moved to it or from it.',
  interrupted: 'An exchange of this card is still open. End it or give it up first.',
  closed: 'This card is closed. It shows its log; ask the originator what to do.',
  closedByOriginator: 'The originator has closed this card. What is on it is not lost',
  pinWrong: 'The PIN is wrong.',
  pinBlocked: 'No tries are left for the PIN. The originator can reset it.',
  pinNone: 'No PIN is set: whoever has the card can pay with it.',
  logFull: 'The card’s log is full. Report it, then try again.',
  allReported: 'All of it is reported to the originator.',
  reportFirst: 'The originator does not know of this much money on the card.',
  declined: 'It was declined on the card, or nobody pressed its button. No money has moved.',
  otherTab: 'The wallet is open in another tab, and only one may write.',
  virtual: 'Whoever controls this browser can copy it or put an old state back',
};
/** What Chromium writes into the console when a role refuses. */
const REFUSED = /the server responded with a status of 4\d\d/;
/** Status words (card/src/status.rs). */
const STATUS = { done: '9000', badData: '6a80', overLimit: '6a8a', declined: '6f21' };
const PIN_TRIES = 5;
const LOG_ENTRIES = 64;

tellSeveralAtOnce();

/** A page that was granted the cards too. */
async function withStranger(tell) {
  const site = await servePage({ vendorId: VENDOR_ID, productId: PRODUCT_ID });
  try {
    await tell(site.origin);
  } finally {
    await site.close();
  }
}

const hex = (number, digits) => number.toString(16).padStart(digits, '0');

/** A command of the card as bytes. */
const command = (instruction, data) =>
  `80${hex(instruction, 2)}000000${hex(data.length / 2, 4)}${data}0000`;

/** Yen as CBOR; at least 256, so that all amounts are as long. */
const yen = (minor) => `82634a505919${hex(minor, 4)}`;

/** A card asks another for money. */
const ask = (minor) => command(INSTRUCTION.ask, `a20082028002${yen(minor)}`);
const ABORT = command(INSTRUCTION.abort, 'a0');

/** The message in a card's answer. */
function messageOf(answer) {
  assert.match(answer, /9000$/);
  return answer.slice(0, -4);
}

/** A wallet with a card in the reader that so much is on. */
async function loaded(enter, cards, soft, hard, name = 'alice') {
  const person = await enter({ browser: cards.browser });
  person.expects(REFUSED);
  const wallet = await CardWallet.withCoins(person, soft);
  await cards.plug(name);
  await wallet.toCard();
  await wallet.move('load', hard);
  await wallet.moved();
  await wallet.onCardIs(hard);
  return { person, wallet };
}

async function softIs(wallet, minor) {
  await wallet.go('/');
  await wallet.balanceIs(minor);
}

const findings = async () => (await (await fetch(`${origins.originator}/audit`)).json()).findings;

story('mondex_1: a card that answers as it did before gets nothing, and loses nothing', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const { wallet } = await loaded(enter, cards, 5000, 1000);
    const replay = (name) => cards.trick('alice', 'replay', hex(INSTRUCTION[name], 2));

    // An acknowledgement of the last load: this one is not done.
    replay('take');
    await wallet.move('load', 150);
    await wallet.says(SAYS.noAnswer);
    assert.equal(await wallet.onCard(), 1000);
    cards.trick('alice');
    await wallet.lookAgain();
    await wallet.moved();
    await wallet.onCardIs(1150);

    // A request that was answered: the coins come back.
    replay('ask');
    await wallet.move('load', 1000);
    await wallet.page.locator('[data-testid=card-moved][data-state=Cancelled]').waitFor();
    cards.trick('alice');
    await softIs(wallet, 3850);
    await wallet.toCard();
    await wallet.onCardIs(1150);

    // A value that was paid: nothing is paid out for it.
    await wallet.move('unload', 200);
    await wallet.moved();
    await wallet.onCardIs(950);
    replay('pay');
    await wallet.move('unload', 210);
    await wallet.says(SAYS.interrupted);
    cards.trick('alice');
    await wallet.lookAgain();
    await wallet.moved();
    await wallet.onCardIs(740);
    await softIs(wallet, 4260);
  }));

story('what is no answer of a card is told, and the card is used afterwards', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const { wallet } = await loaded(enter, cards, 5000, 1000);
    for (const [trick, sentence] of [
      ['halve', SAYS.noAnswer], ['shuffle', SAYS.noAnswer], ['stop', SAYS.silent],
    ]) {
      cards.trick('alice', trick);
      await wallet.lookAgain();
      await wallet.says(sentence);
      cards.trick('alice');
      await wallet.lookAgain();
      await wallet.page.getByText(sentence).first().waitFor({ state: 'hidden' });
    }
    await wallet.onCardIs(1000);
    // The same in the middle of a load: it goes on once the card is one again.
    cards.trick('alice', 'halve');
    await wallet.move('load', 300);
    await wallet.says(SAYS.noAnswer);
    cards.trick('alice');
    await wallet.lookAgain();
    await wallet.moved();
    await wallet.onCardIs(1300);
    await softIs(wallet, 3700);
  }));

story('vc_13: a card that no originator made, and one that repeats a proof, are not genuine',
  (enter) => withCards({ alice: 'purse', fake: 'purse:forged', till: 'terminal' }, {},
    async (cards) => {
      const person = await enter({ browser: cards.browser });
      const wallet = await CardWallet.withCoins(person, 1000);
      await cards.plug('fake');
      await wallet.toCard();
      await wallet.says(SAYS.notGenuine);
      assert.equal(await wallet.at('card-move-submit').count(), 0, 'nothing can be moved');
      await wallet.go('/terminal');
      await cards.plug('till');
      await wallet.at('terminal').waitFor();
      assert.equal(await wallet.at('terminal-customer').count(), 0, 'it is no customer’s');
      await cards.unplug('till');
      await cards.unplug('fake');

      await cards.plug('alice');
      await wallet.toCard();
      await eventuallyIs('it is genuine', () => wallet.standing(), 'card-genuine');
      cards.trick('alice', 'replay', hex(INSTRUCTION.prove, 2));
      await wallet.toCard();
      await wallet.says(SAYS.notGenuine);
      assert.equal(await wallet.at('card-move-submit').count(), 0, 'nothing can be moved');
      await softIs(wallet, 1000);
    }));

story('mondex_3: of a card and its copy the second to report is noticed, and closed', (enter) =>
  withCards({ alice: 'purse', copy: 'purse', till: 'terminal' }, {}, async (cards) => {
    const { wallet } = await loaded(enter, cards, 5000, 1000);
    await cards.unplug('alice');
    cards.copy('alice', 'copy');
    const before = (await findings()).forked ?? 0;
    await wallet.go('/terminal');
    await cards.plug('till');
    for (const [name, price] of [['alice', 300], ['copy', 400]]) {
      await cards.plug(name);
      await wallet.at('terminal-customer').getByTestId('card-balance-JPY').waitFor();
      await wallet.at('terminal-amount').fill(String(price));
      await wallet.at('terminal-take').click();
      await wallet.at('terminal-taken').waitFor();
      await cards.unplug(name);
      await wallet.at('terminal-customer').waitFor({ state: 'hidden' });
    }
    await cards.unplug('till');

    await cards.plug('alice');
    await wallet.toCard();
    await wallet.report();
    await wallet.says(SAYS.allReported);
    await cards.unplug('alice');
    await wallet.at('card').waitFor({ state: 'hidden' });
    await cards.plug('copy');
    await wallet.at('card-move-submit').waitFor();
    await wallet.report();
    await wallet.says(SAYS.closed);
    assert.equal((await findings()).forked, before + 1);
    // The account is one: what is on the other is for the originator to give back.
    await cards.unplug('copy');
    await wallet.at('card').waitFor({ state: 'hidden' });
    await cards.plug('alice');
    await wallet.at('card-move-submit').waitFor();
    await wallet.move('unload', 700);
    await wallet.says(SAYS.closed);
    await softIs(wallet, 4000);
  }));

story('mondex_2: wrong PINs use the tries up, and the originator gives new ones', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const { wallet } = await loaded(enter, cards, 2000, 500);
    await wallet.setPin('1357');
    const number = (await wallet.at('card-number').textContent()).replaceAll(' ', '');
    await cards.unplug('alice');
    await wallet.at('card').waitFor({ state: 'hidden' });
    await cards.plug('alice');
    for (let left = PIN_TRIES - 1; left >= 0; left -= 1) {
      await wallet.showPin('9999');
      await wallet.says(left === 1 ? '1 try left' : `${left} tries left`);
      await wallet.says(SAYS.pinWrong);
    }
    await wallet.showPin('1357');
    await wallet.says(SAYS.pinBlocked);
    // Neither is anything paid.
    await wallet.move('unload', 500);
    await eventually('it waits for the PIN', async () => await wallet.problem() !== undefined);
    await wallet.at('card-cancel').click();
    await wallet.page.locator('[data-testid=card-moved][data-state=Cancelled]').waitFor();

    const resetPin = Buffer.from('820480', 'hex');
    const ordered = await fetch(`${origins.originator}/cards/${number}/orders`, {
      method: 'POST', headers: { authorization: 'Bearer demo' }, body: resetPin,
    });
    assert.equal(ordered.status, 204);
    await wallet.report();
    await wallet.unfold('card-pin');
    await wallet.says(SAYS.pinNone);
    await wallet.move('unload', 500);
    await wallet.moved();
    await softIs(wallet, 2000);
  }));

story('mondex_3: a page fills the log; the card stops until it is reported', (enter) =>
  withStranger((stranger) =>
    withCards({ alice: 'purse' }, { grantedTo: [origins.wallet, stranger] }, async (cards) => {
      const { person, wallet } = await loaded(enter, cards, 2000, 500);
      await wallet.report();
      await wallet.says(SAYS.allReported);
      await wallet.go('/');
      const page = await person.tab();
      await page.goto(stranger);
      const fill = Array.from({ length: LOG_ENTRIES }, () => [ask(256), ABORT]).flat();
      const answers = await page.evaluate((commands) => cards.tell(commands), fill);
      assert.ok(answers.every((answer) => answer.endsWith(STATUS.done)));
      await wallet.toCard();
      await wallet.move('ask', 300);
      await wallet.says(SAYS.logFull);
      await wallet.report();
      await wallet.says(SAYS.allReported);
      await wallet.move('ask', 300);
      await wallet.message();
      await wallet.onCardIs(500);
    })));

story('mondex_4: a virtual card put back to an earlier state spends once', async (enter) => {
  const person = await enter();
  person.expects(REFUSED);
  const wallet = await CardWallet.withCoins(person, 5000);
  await wallet.go('/card');
  await wallet.at('card-virtual').click();
  await wallet.at('card-make').click();
  await wallet.says(SAYS.virtual);
  await wallet.move('load', 500);
  await wallet.moved();
  await wallet.onCardIs(500);
  const leave = async () => {
    await wallet.page.getByRole('button', { name: 'Disconnect' }).click();
    await wallet.at('card').waitFor({ state: 'hidden' });
  };
  await leave();
  const earlier = await wallet.page.evaluate(readStore);
  await wallet.at('card-virtual').click();
  await wallet.move('unload', 200);
  await wallet.moved();
  await wallet.onCardIs(300);
  await leave();
  await wallet.page.evaluate(writeStore, earlier);
  await wallet.at('card-virtual').click();
  await wallet.onCardIs(500);

  // There is more on it than the originator's books say.
  await wallet.move('unload', 500);
  await wallet.says(SAYS.reportFirst);
  // Nor does it help to ask for less: it pays under a number that it has paid under.
  await wallet.move('unload', 100);
  await wallet.says(SAYS.closedByOriginator);
  assert.ok((await findings()).forked >= 1);
  await softIs(wallet, 4700);
});

/** In a page: the rows of the virtual card's database. */
async function readStore() {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await done(indexedDB.open('koban-virtual-card'));
  const store = database.transaction('slot').objectStore('slot');
  const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
  database.close();
  return keys.map((key, at) => [key, [...new Uint8Array(values[at])]]);
}

/** In a page: makes these all of its rows. */
async function writeStore(rows) {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await done(indexedDB.open('koban-virtual-card'));
  const change = database.transaction('slot', 'readwrite');
  const store = change.objectStore('slot');
  store.clear();
  for (const [key, value] of rows) store.put(Uint8Array.from(value), key);
  await new Promise((resolve, reject) => {
    change.oncomplete = resolve;
    change.onerror = reject;
  });
  database.close();
}

story('mondex_3: a page that lies takes what the limits allow, and no more', (enter) =>
  withStranger((stranger) =>
    withCards({ alice: 'purse', thief: 'purse' },
      { grantedTo: [origins.wallet, stranger], button: 'stdin' }, async (cards) => {
        const { person, wallet } = await loaded(enter, cards, 46_000, 45_000);
        await wallet.go('/');
        const page = await person.tab();
        await page.goto(stranger);
        await cards.unplug('alice');
        const told = async (name, commands) => {
          await cards.plug(name);
          await eventually('it is there', () =>
            page.evaluate(async () => (await navigator.hid.getDevices()).length === 1));
          const answers = await page.evaluate((all) => cards.tell(all), commands);
          await cards.unplug(name);
          return answers;
        };
        /** The thief's card asks; the page changes what it likes, and has the other pay. */
        const rob = async (minor, holder, lie = (request) => request) => {
          const [asked] = await told('thief', [ask(minor)]);
          const before = cards.events.length;
          const paid = told('alice', [command(INSTRUCTION.pay, lie(messageOf(asked)))]);
          let shown;
          if (holder) {
            shown = await cards.asked('alice', before);
            await cards[holder]('alice');
          }
          const [answer] = await paid;
          const taken = answer.endsWith(STATUS.done);
          const [last] = await told('thief', [
            taken ? command(INSTRUCTION.take, messageOf(answer)) : ABORT,
          ]);
          assert.ok(last.endsWith(STATUS.done));
          if (taken) {
            const finish = command(INSTRUCTION.finish, messageOf(last));
            const [finished] = await told('alice', [finish]);
            assert.ok(finished.endsWith(STATUS.done));
          }
          return { word: answer.slice(-4), shown };
        };

        // Another amount than was asked for, another payee: it is not what the payee proved.
        const more = (request) => request.replace(yen(1000), yen(9000));
        assert.equal((await rob(1000, undefined, more)).word, STATUS.badData);
        const other = (request) => request.replace(/a20048(..)/, (found, byte) =>
          `a20048${hex(parseInt(byte, 16) ^ 1, 2)}`);
        assert.equal((await rob(1000, undefined, other)).word, STATUS.badData);
        // What is asked for truly is for the holder to see and to refuse.
        const { word, shown } = await rob(1000, 'refuse');
        assert.deepEqual([word, shown.kind, shown.minor], [STATUS.declined, 'pay', 1000]);
        // A holder who sees no display and presses loses this much to a page, and not more.
        assert.equal((await rob(20_001)).word, STATUS.overLimit, 'one payment');
        assert.equal((await rob(20_000, 'press')).word, STATUS.done);
        assert.equal((await rob(10_001)).word, STATUS.overLimit, 'all payments together');
        assert.equal((await rob(10_000, 'press')).word, STATUS.done);

        await page.close();
        await cards.plug('alice');
        await wallet.toCard();
        await wallet.onCardIs(15_000);
        await wallet.unfold('card-limits');
        await wallet.says('¥30,000 / ¥30,000');
      })));

story('vc_13: who refuses on the card has not paid, and reads so', (enter) =>
  withCards({ alice: 'purse', till: 'terminal' }, { button: 'stdin' }, async (cards) => {
    const { wallet } = await loaded(enter, cards, 2000, 1000);
    await wallet.go('/terminal');
    await cards.plug('till');
    await wallet.at('terminal-customer').getByTestId('card-balance-JPY').waitFor();
    const pay = async () => {
      const before = cards.events.length;
      await wallet.at('terminal-amount').fill('400');
      await wallet.at('terminal-take').click();
      assert.equal((await cards.asked('alice', before)).minor, 400);
      await wallet.at('card-prompt').first().waitFor();
    };
    await pay();
    await cards.refuse('alice');
    await wallet.says(SAYS.declined);
    await pay();
    await cards.press('alice');
    await wallet.at('terminal-taken').waitFor();
  }));

story('p5: of two tabs at one card the one that is asked has it, and the other says so', (enter) =>
  withCards({ alice: 'purse' }, {}, async (cards) => {
    const { person, wallet } = await loaded(enter, cards, 5000, 1000);
    const other = new CardWallet(await person.tab());
    await other.toCard();
    await other.onCardIs(1000);
    await wallet.says(SAYS.otherTab);
    assert.equal(await wallet.at('card-balance-JPY').count(), 0, 'it shows no old balance');
    await other.move('load', 100);
    await other.moved();
    await other.onCardIs(1100);
    // The other tab is asked, and has it.
    await wallet.lookAgain();
    await wallet.onCardIs(1100);
    await other.says(SAYS.otherTab);
    await wallet.move('unload', 400);
    await wallet.moved();
    await wallet.onCardIs(700);
    // A card that is pulled out is gone in both.
    await cards.unplug('alice');
    for (const tab of [wallet, other]) await tab.at('card').waitFor({ state: 'hidden' });
    await softIs(wallet, 4300);
  }));
