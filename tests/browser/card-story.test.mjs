// A person with a card in hand, at the wallet's own pages, in a Chromium that takes the simulator
// for a device.
import assert from 'node:assert/strict';

import { CardWallet } from './support/card-wallet.mjs';
import { PHONE, story } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventually, eventuallyIs, origins } from './support/world.mjs';

const audit = async () => (await fetch(`${origins.originator}/audit`)).json();

story('mondex_2 vc_13 vc_14: PIN, load, a purchase with the cable pulled, a gift, unload', (enter) =>
  withCards({ alice: 'purse', bob: 'purse', till: 'terminal' }, {}, async (cards) => {
    const person = await enter({ browser: cards.browser });
    const wallet = await CardWallet.withCoins(person, 5000);
    await cards.plug('alice');
    await wallet.toCard();
    await eventuallyIs('it is genuine', () => wallet.standing(), 'card-genuine');
    assert.equal(await wallet.at('card').count(), 1, 'one card is one card');
    await wallet.setPin('1357');
    await wallet.move('load', 2000);
    await wallet.moved();
    await wallet.onCardIs(2000);
    await wallet.picture('card-loaded');
    await wallet.go('/');
    await wallet.balanceIs(3000);
    await wallet.at('card-money').waitFor();
    await wallet.picture('card-home');

    // The shop's terminal, with nobody online; the cable is pulled while the card answers.
    await wallet.go('/terminal');
    await cards.plug('till');
    await wallet.at('terminal-customer').waitFor();
    await person.context.setOffline(true);
    await wallet.at('terminal-customer').getByTestId('card-pin-old').waitFor({ state: 'hidden' });
    await wallet.at('terminal-amount').fill('370');
    const cut = cards.cutAfter('alice', 5);
    await wallet.at('terminal-take').click();
    await cut();
    await wallet.picture('card-cut');
    await cards.plug('alice');
    await wallet.at('terminal-customer').waitFor();
    await wallet.atRest();
    await wallet.at('terminal-amount').fill('370');
    await wallet.at('terminal-take').click();
    await wallet.at('terminal-taken').waitFor();
    await wallet.picture('card-terminal');
    await person.context.setOffline(false);

    // The staff empties it into this wallet.
    await wallet.at('terminal').getByTestId('card-pin-new').fill('2468');
    await wallet.at('terminal').getByTestId('card-pin-submit').click();
    await wallet.at('terminal').getByTestId('card-lock').waitFor();
    await wallet.at('terminal-collect').click();
    await eventuallyIs('the terminal is empty', async () =>
      Number(await wallet.at('terminal').getByTestId('card-balance-JPY').getAttribute('data-minor')), 0);
    await wallet.go('/');
    await wallet.balanceIs(3370);
    await cards.unplug('till');

    // Another person's card, in another browser: two links, and one more.
    const other = await enter({ browser: cards.browser, viewport: PHONE });
    await cards.unplug('alice');
    const bob = await CardWallet.withCoins(other, 1000);
    await cards.plug('bob');
    await bob.toCard();
    await bob.move('ask', 600);
    const request = await bob.message();
    await bob.picture('card-gift-phone');
    await cards.unplug('bob');
    await cards.plug('alice');
    await wallet.toCard();
    await wallet.showPin('1357');
    await wallet.at('card-lock').waitFor();
    await wallet.letter(request);
    const value = await wallet.message();
    await cards.unplug('alice');
    await cards.plug('bob');
    await eventually('bob is here again', () => bob.at('card-letter-text').isVisible());
    await bob.letter(value);
    const done = await bob.message();
    await bob.onCardIs(600);
    await cards.unplug('bob');
    await cards.plug('alice');
    await wallet.toCard();
    await wallet.letter(done);
    await wallet.onCardIs(1030);
    await wallet.showPin('1357');
    await wallet.at('card-lock').waitFor();
    await wallet.move('unload', 1030);
    await wallet.moved();
    await wallet.onCardIs(0);
    await wallet.go('/');
    await wallet.balanceIs(4400);
    const books = await audit();
    await wallet.picture('card-end');
    assert.ok(JSON.stringify(books).includes('600'), JSON.stringify(books));
  }));
