// People who do with cards what nobody meant them to do. Nothing breaks, and each gets plain words.
import assert from 'node:assert/strict';

import { CardWallet } from './support/card-wallet.mjs';
import { Cards } from './support/cards.mjs';
import { Display } from './support/display.mjs';
import { PHONE, story, tellSeveralAtOnce } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventuallyIs } from './support/world.mjs';
import { WalletPage } from './support/wallet.mjs';

tellSeveralAtOnce();

const FAILED = /Failed to load resource/;
const PASTE = 'a sentence that was meant for somewhere else. '.repeat(220);
const NO_AMOUNTS = [
  '', ' ', 'abc', '-5', '0', '1,5', '1.5', '1e3', '😀', '9'.repeat(40), '１，５', PASTE,
];
const NO_MESSAGES = ['abc', '-5', '1,5', '１２３', '😀', 'AQID', '#', PASTE, 'A'.repeat(10_000)];
const NO_PINS = ['abcd', '-1357', '１２３４', '😀', '13 57', '1'.repeat(40)];

/** A wallet whose virtual card has money on it. */
async function withVirtualCard(person, yen = 500) {
  const wallet = await CardWallet.withCoins(person, 2000);
  await wallet.makeVirtualCard();
  await wallet.move('load', yen);
  await wallet.moved();
  return wallet;
}

/** A problem is told in a sentence of its own. */
async function assertPlain(wallet, code) {
  await eventuallyIs('the problem', () =>
    wallet.at('problem').first().getAttribute('data-code'), code);
  const words = await wallet.at('problem').first().textContent();
  assert.ok(words.trim().length > 10 && !words.includes('no words for'), words);
}

async function assertNoAmount(wallet, field, submit) {
  for (const typed of NO_AMOUNTS) {
    await field.fill(typed);
    assert.equal(await submit.isDisabled(), true, `no amount: ${typed.slice(0, 20)}`);
    const complains = await field.getAttribute('aria-invalid');
    assert.equal(complains, String(typed.trim() !== ''), `told so: ${typed.slice(0, 20)}`);
  }
}

story('nonsense in every field of the card page', async (enter) => {
  const wallet = await withVirtualCard(await enter({ viewport: PHONE }));
  const [amount, submit] = [wallet.at('card-amount'), wallet.at('card-move-submit')];
  for (const way of ['load', 'unload', 'ask']) {
    await wallet.at(`card-way-${way}`).check();
    await assertNoAmount(wallet, amount, submit);
  }
  // digits as Japanese keyboards give them are digits
  await amount.fill('１２３');
  assert.equal(await submit.isEnabled(), true);

  await wallet.unfold('card-gift');
  for (const typed of NO_MESSAGES) {
    await wallet.at('card-letter-text').fill(typed);
    await assertPlain(wallet, 'card-message-unreadable');
    assert.equal(await wallet.at('card-letter-submit').isDisabled(), true);
  }
  await wallet.at('card-letter-text').fill('');
  await wallet.at('problem').waitFor({ state: 'detached' });
  assert.equal(await wallet.at('card-letter-submit').isDisabled(), true);
  await wallet.at('card-repeat').click();
  await assertPlain(wallet, 'card-no-message');

  await wallet.go('/card');
  await wallet.at('card-way-load').waitFor();
  await wallet.unfold('card-pin');
  const pin = wallet.at('card-pin-new');
  for (const typed of ['', '1', '123']) {
    await pin.fill(typed);
    assert.equal(await wallet.at('card-pin-submit').isDisabled(), true, typed);
  }
  for (const typed of NO_PINS) {
    await pin.fill(typed);
    await wallet.at('card-pin-submit').click();
    await assertPlain(wallet, 'card-pin-invalid');
    assert.equal(await pin.inputValue(), '', 'it is forgotten');
  }
  await wallet.onCardIs(500);
});

story('nonsense at a terminal', (enter) =>
  withCards({ alice: 'purse', till: 'terminal' }, {}, async (cards) => {
    const wallet = await CardWallet.withCoins(await enter({ browser: cards.browser }), 2000);
    await cards.plug('alice');
    await wallet.toCard();
    await wallet.setPin('1357');
    await wallet.move('load', 800);
    await wallet.moved();
    await cards.unplug('alice');
    await wallet.go('/terminal');
    await cards.plug('till');
    await cards.plug('alice');
    const customer = wallet.at('terminal-customer');
    await customer.waitFor();
    await wallet.atRest();
    const submit = wallet.at('terminal-take');
    await assertNoAmount(wallet, wallet.at('terminal-amount'), submit);
    await wallet.at('terminal-amount').fill('801');
    assert.equal(await submit.isDisabled(), true, 'more than is on the card');
    // without the customer's PIN there is nothing to take
    await wallet.at('terminal-amount').fill('100');
    assert.equal(await submit.isDisabled(), true, 'the PIN is not given');
    await customer.getByTestId('card-pin-old').fill('9999');
    await customer.getByTestId('card-pin-submit').click();
    await eventuallyIs('a try less', async () =>
      (await customer.getByTestId('card-pin').locator('.hint').first().textContent())
        .replace(/\D/g, ''), '4');
    for (const typed of NO_PINS) {
      await wallet.at('terminal').getByTestId('card-pin-new').fill(typed);
      await wallet.at('terminal').getByTestId('card-pin-submit').click();
      await eventuallyIs('no PIN', () => wallet.at('terminal').getByTestId('problem').first()
        .getAttribute('data-code'), 'card-pin-invalid');
    }
  }));

story('back and forward, and a reload midway: a gift that was asked for is still asked for',
  async (enter) => {
    const wallet = await withVirtualCard(await enter());
    await wallet.move('ask', 200);
    const asked = await wallet.message();
    await wallet.go('/');
    await wallet.at('card-money').waitFor();
    await wallet.page.goBack();
    await wallet.at('card-open').waitFor();
    await wallet.page.goForward();
    await wallet.at('card-money').waitFor();
    await wallet.toCard();
    await wallet.page.reload();
    await wallet.at('card-open').waitFor();
    await wallet.at('card-repeat').click();
    assert.equal(await wallet.message(), asked, 'byte for byte');
    await wallet.at('card-abort').click();
    await wallet.at('card-open').waitFor({ state: 'detached' });
    await wallet.onCardIs(500);
  });

story('a reload while money goes onto a card: it goes on by itself', async (enter) => {
  const wallet = await withVirtualCard(await enter());
  for (const [move, held] of [['load', 800], ['unload', 500]]) {
    await wallet.move(move, 300);
    await wallet.page.reload();
    await wallet.onCardIs(held);
    await wallet.settled();
    await wallet.toCard();
    await wallet.at('card-way-load').waitFor();
  }
  await wallet.go('/');
  await wallet.balanceIs(1500);
});

story('the same card in two tabs is one card', async (enter) => {
  const person = await enter();
  const first = await withVirtualCard(person);
  const second = new CardWallet((await WalletPage.open(person, '/card')).page);
  await second.at('card-way-load').waitFor();
  await second.onCardIs(500);
  await second.move('unload', 100);
  await second.moved();
  await second.onCardIs(400);
  await first.page.bringToFront();
  await first.toCard();
  await first.at('card-way-load').waitFor();
  await first.onCardIs(400);
  await first.move('load', 50);
  await first.moved();
  await first.onCardIs(450);
});

story('without a network a card shows what is on it, and a load waits', async (enter) => {
  const person = await enter();
  person.expects(FAILED);
  const wallet = await withVirtualCard(person);
  await person.context.setOffline(true);
  await wallet.page.reload();
  await wallet.onCardIs(500);
  await wallet.move('load', 100);
  await assertPlain(wallet, 'network');
  await person.context.setOffline(false);
  await wallet.onCardIs(600);
  await wallet.go('/');
  await wallet.balanceIs(1400);
});

story('a browser that reaches no cards is told which do, and has a virtual one', async (enter) => {
  const person = await enter({ viewport: PHONE });
  // as Firefox and Safari are: these interfaces are not there
  await person.context.addInitScript(() => {
    delete Navigator.prototype.hid;
    delete Navigator.prototype.usb;
  });
  const wallet = await CardWallet.withCoins(person, 1000);
  for (const path of ['/card', '/terminal']) {
    await wallet.go(path);
    await wallet.at('card-unsupported').waitFor();
    assert.match(await wallet.at('card-unsupported').textContent(), /Chrome/);
    assert.equal(await wallet.at('card-connect').count(), 0);
  }
  await wallet.makeVirtualCard();
  await wallet.move('load', 300);
  await wallet.moved();
  await wallet.picture('card-unsupported');
});

story('a list of devices that is closed without choosing', async (enter) => {
  const display = await Display.open();
  const cards = await Cards.open({ alice: 'purse' });
  try {
    const wallet = await CardWallet.withCoins(
      await enter({ browser: cards.browser, display }), 1000);
    await wallet.go('/card');
    await wallet.at('card-connect').click();
    await display.dismiss(() => wallet.at('card-none-chosen').isVisible());
    await wallet.picture('card-none-chosen');
    assert.equal(await wallet.at('card').count(), 0);
    assert.equal(await wallet.at('card-connect').isEnabled(), true, 'the holder may try again');
  } finally {
    await cards.close();
  }
});
