// Cards as a page reaches them: a real Chromium's WebHID and WebUSB, with its permissions and its
// chooser, over the simulator's sockets. What the commands mean is tested elsewhere.
import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';

import { servePage } from './support/card-page.mjs';
import { PRODUCT_ID, VENDOR_ID, launchWithCards } from './support/cards.mjs';
import { Display } from './support/display.mjs';
import { eventuallyIs, patience } from './support/world.mjs';

/** The applet by its name (ISO 7816-4), and a card's birth: 80 F0 with an empty map. */
const SELECT = '00a40400000006f043415348010000';
const BE_BORN = '80f00000000001a00000';
const DONE = /9000$/;
const BUSY = 2;
const LIMIT = { timeout: 30_000 * patience };

/** What is to be closed, the last first. */
const open = [];
const closedLater = (it) => {
  open.push(it);
  return it;
};

async function closeDownTo(length) {
  while (open.length > length) await open.pop().close();
}

let site;
let cards;
let person;
/** A tab that stays, and does nothing but look. */
let onlooker;

before(async () => {
  site = closedLater(await servePage({ vendorId: VENDOR_ID, productId: PRODUCT_ID }));
  const names = { alice: 'purse', shop: 'terminal' };
  const launched = closedLater(await launchWithCards(names, { grantedTo: site.origin }));
  ({ cards, person } = launched);
  [onlooker] = person.context.pages();
  await onlooker.goto(site.origin);
});

afterEach(async () => {
  await closeDownTo(2);
  await cards.unplugAll();
  await sees(onlooker, 0);
  for (const page of person.context.pages().slice(1)) await page.close();
});

after(async () => {
  await closeDownTo(0);
  person.assertContent();
});

/** A tab at the page. */
async function tab(origin = site.origin) {
  const page = await person.tab();
  await page.goto(origin);
  return page;
}

const granted = (page) => page.evaluate(() => cards.granted());
const ask = (page, kind, command) =>
  page.evaluate(([kind, command]) => cards.ask(kind, command), [kind, command]);

/** Waits until the page sees so many cards, by either interface. */
const sees = (page, hid, usb = hid) =>
  eventuallyIs('the browser has followed', async () => {
    const seen = await granted(page);
    return [seen.hid.length, seen.usb.length];
  }, [hid, usb]);

/** A tab that sees a card in the reader. */
async function ready(name = 'alice') {
  const page = await tab();
  await cards.plug(name);
  await sees(page, 1);
  return page;
}

test('a page sees cards only if it was granted them, by both interfaces', LIMIT, async () => {
  const page = await ready();
  assert.deepEqual(await granted(page), {
    hid: [{ productName: 'Koban Card', usagePages: [0xffca], reports: 2 }],
    usb: [{ productName: 'Koban Card', serialNumber: 'alice' }],
  });
  const stranger = closedLater(await servePage({ vendorId: VENDOR_ID, productId: PRODUCT_ID }));
  assert.deepEqual(await granted(await tab(stranger.origin)), { hid: [], usb: [] });
});

test('a card answers the same over HID and USB, and keeps what it holds without power', LIMIT,
  async () => {
    const page = await ready();
    const hello = (await ask(page, 'hid', SELECT)).answer;
    // a purse, fresh, with a button and a counter
    assert.match(hello, /^a[0-9a-f]00010100/);
    assert.match(hello, DONE);
    assert.equal((await ask(page, 'usb', SELECT)).answer, hello);

    const { answer } = await ask(page, 'hid', BE_BORN);
    assert.match(answer, DONE);
    assert.ok(answer.length > 2 * 2 * 64, 'it takes several frames');
    await cards.unplug('alice');
    await sees(page, 0);
    await cards.plug('alice');
    await sees(page, 1);
    assert.equal((await ask(page, 'usb', BE_BORN)).answer, answer);
    assert.notEqual((await ask(page, 'usb', SELECT)).answer, hello, 'it is not fresh any more');
  });

test('a page hears of cards that come and go', LIMIT, async () => {
  const page = await tab();
  const news = () => page.evaluate(() => [...cards.news].sort());
  await granted(page);
  await cards.plug('alice');
  await eventuallyIs('it comes', news, ['hid connect', 'usb connect']);
  await cards.plug('shop');
  const both = ['hid connect', 'hid connect', 'usb connect', 'usb connect'];
  await eventuallyIs('another comes', news, both);
  await cards.unplug('alice');
  await eventuallyIs('it goes', news, [...both, 'hid disconnect', 'usb disconnect'].sort());
  assert.equal((await granted(page)).hid.length, 1);
});

test('two tabs share a card by HID: each has its own answers, and waits for the other', LIMIT,
  async () => {
    const [one, other] = [await ready(), await tab()];
    for (const page of [one, other]) {
      await page.evaluate(async () => { cards.open = await cards.Channel.open('hid'); });
    }
    const seen = () => other.evaluate(() => cards.open.port.frames.length);
    const before = await seen();
    // a message of two frames stops after the first
    await one.evaluate(() => {
      cards.frames = cards.open.frames(new Uint8Array(100));
      return cards.open.send(cards.frames[0]);
    });
    const select = () => other.evaluate((command) =>
      cards.open.exchange(cards.bytes(command)), SELECT);
    assert.deepEqual(await select(), { error: BUSY });
    const refused = await one.evaluate(async () => {
      await cards.open.send(cards.frames[1]);
      return cards.open.reply();
    });
    assert.match(refused.answer, /^6[0-9a-f]{3}$/, 'it was no command');
    assert.match((await select()).answer, DONE);
    assert.ok(await seen() > before + 2, 'every opener sees every report');
  });

test('of two tabs, one has a card by USB', LIMIT, async () => {
  const [one, other] = [await ready(), await tab()];
  await one.evaluate(async () => { cards.open = await cards.Channel.open('usb'); });
  const refused = await other.evaluate(() => cards.Channel.open('usb').catch(({ name }) => name));
  assert.equal(refused, 'NetworkError');
  await one.evaluate(() => cards.open.close());
  assert.match((await ask(other, 'usb', SELECT)).answer, DONE);
});

for (const kind of ['hid', 'usb']) {
  test(`a card pulled out in the middle of an answer gives it again (${kind})`, LIMIT, async () => {
    const page = await ready('shop');
    const whole = (await ask(page, kind, BE_BORN)).answer;
    assert.match(whole, DONE);
    await page.evaluate(async (kind) => { cards.open = await cards.Channel.open(kind); }, kind);
    const pulled = cards.cutAfter('shop', 2);
    await page.evaluate(async (command) => {
      const [frame] = cards.open.frames(cards.bytes(command));
      await cards.open.send(frame);
    }, BE_BORN);
    await pulled();
    await sees(page, 0);
    // what was sent last may not have been read in time
    const part = await page.evaluate(() =>
      cards.open.port.frames.slice(1).map((frame) => [...frame]));
    assert.ok(part.length <= 2, `${part.length} frames`);
    const begun = part.flatMap((frame, at) => frame.slice(at === 0 ? 7 : 5));
    assert.ok(whole.startsWith(Buffer.from(begun).toString('hex')), 'the answer had begun');
    await cards.plug('shop');
    await sees(page, 1);
    assert.equal((await ask(page, kind, BE_BORN)).answer, whole);
  });
}

test('no page reaches what says that it is an authenticator, a keyboard or a card reader', LIMIT,
  async () => {
    person.expects(/implements a protected interface class/);
    const page = await tab();
    for (const [kind, mute] of [['fido', []], ['keyboard', [0]]]) {
      await cards.plug('alice', kind);
      await sees(page, mute.length, 1);
      assert.equal(await page.evaluate(() => cards.claim(1)), 'SecurityError');
      const reports = (await granted(page)).hid.map((device) => device.reports);
      assert.deepEqual(reports, mute, 'it is not there, or is mute');
      await cards.unplug('alice');
      await sees(page, 0);
    }
  });

test('a person chooses a card in the browser, and the page keeps it', LIMIT, async () => {
  const display = closedLater(await Display.open());
  const launched = closedLater(await launchWithCards({ alice: 'purse' }, { display }));
  await launched.cards.plug('alice');
  const page = await launched.person.tab();
  await page.goto(site.origin);
  assert.deepEqual(await granted(page), { hid: [], usb: [] });
  for (const kind of ['hid', 'usb']) {
    await page.click(`#${kind}`);
    await display.choose(() => page.evaluate(() => cards.chosen === 1));
    assert.match((await ask(page, kind, SELECT)).answer, DONE);
  }
  await page.reload();
  const { hid, usb } = await granted(page);
  assert.deepEqual([hid.length, usb.length], [1, 1]);
  launched.person.assertContent();
});
