// Gifts from card to card by links, and value that is lost between two cards and comes back.
import assert from 'node:assert/strict';

import { CardWallet, unfold } from './support/card-wallet.mjs';
import { PHONE, story } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventuallyIs, origins } from './support/world.mjs';

const audit = async () => (await fetch(`${origins.originator}/audit`)).json();

story('mondex_1 fx_8: gifts by links alone, either way, between two people\'s virtual cards',
  async (enter) => {
    const [hanako, taro] = await Promise.all([{}, { viewport: PHONE }].map(async (options) => {
      const wallet = await CardWallet.withCoins(await enter(options), 2000);
      await wallet.makeVirtualCard();
      await wallet.move('load', 1000);
      await wallet.moved();
      return wallet;
    }));
    for (const [payee, payer, yen, held] of [[taro, hanako, 300, 1300], [hanako, taro, 50, 750]]) {
      await payee.toCard();
      await payee.move('ask', yen);
      await payer.openLink(await payee.link());
      await payee.openLink(await payer.link());
      await payee.onCardIs(held);
      await payer.openLink(await payee.link());
      await payer.atRest();
      assert.equal(await payer.at('card-open').count(), 0, 'the gift is complete');
    }
    await hanako.onCardIs(750);
    await taro.onCardIs(1250);
  });

/** The card on the page with this much on it. */
const holding = (wallet, minor) => wallet.at('card')
  .filter({ has: wallet.page.locator(`[data-testid=card-balance-JPY][data-minor="${minor}"]`) });

async function giveUp(card) {
  await card.getByTestId('card-abort').click();
  await card.getByTestId('card-open').waitFor({ state: 'detached' });
}

story('mondex_1: what two cards gave up is asked for, refused until both report, and comes back',
  (enter) => withCards({ alice: 'purse', bob: 'purse' }, {}, async (cards) => {
    const person = await enter({ browser: cards.browser, viewport: PHONE });
    person.expects(/status of 409 \(Conflict\)/);
    const wallet = await CardWallet.withCoins(person, 2000);
    await cards.plug('alice');
    await wallet.toCard();
    await wallet.move('load', 1000);
    await wallet.moved();
    await wallet.onCardIs(1000);
    await cards.plug('bob');
    const alice = () => holding(wallet, 600);
    const bob = () => holding(wallet, 0);
    await bob().getByTestId('card-way-ask').check();
    await bob().getByTestId('card-amount').fill('400');
    await bob().getByTestId('card-move-submit').click();
    const request = bob().getByTestId('card-message-text');
    await request.waitFor();
    await wallet.letter(await request.inputValue());
    await alice().getByTestId('card-message-text').waitFor();
    await giveUp(alice());
    await giveUp(bob());
    const lost = alice().getByTestId('card-lost-value');
    await lost.waitFor();
    await wallet.atRest();
    await wallet.picture('card-lost');

    await lost.getByTestId('card-refund').click();
    await eventuallyIs('bob\'s card has not said anything', () => lost.getAttribute('data-state'),
      'Refused');
    assert.equal(await lost.getByTestId('problem').getAttribute('data-code'), 'not-lost');
    await wallet.picture('card-not-lost');
    await unfold(bob().getByTestId('card-log-fold'));
    await bob().getByTestId('card-report').click();
    await eventuallyIs('bob\'s log is reported', () =>
      bob().getByTestId('card-log-fold').locator('summary').textContent(), 'Log of the card');
    await lost.getByTestId('card-refund').click();
    const whole = holding(wallet, 1000);
    await whole.getByTestId('card-lost-value').and(wallet.page.locator('[data-state=Done]'))
      .waitFor();
    await wallet.atRest();
    await wallet.picture('card-refunded');
    const yen = (await audit()).currencies.find(({ code }) => code === 'JPY');
    assert.deepEqual([yen.broken, yen.lost, yen.consistent], [0, 0, true]);

    // what came back is history, in the log and in the wallet's own
    await wallet.toCard();
    await wallet.atRest();
    assert.equal(await wallet.at('card-lost').count(), 0);
    const refunds = (await wallet.activity()).filter(({ kind }) => kind === 'card-refund');
    assert.deepEqual(refunds.map(({ state }) => state), ['done']);
    await wallet.go(refunds[0].path);
    await wallet.at('transaction').waitFor();
    await wallet.picture('card-refund-receipt');
  }));
