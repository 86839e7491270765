// The pages of cards in every state that a person meets: for a screen reader, in both languages
// and colours, on both screens.
import { CardWallet, unfold } from './support/card-wallet.mjs';
import { assertAccessible, assertNoSidewaysScroll, atRest } from './support/looks.mjs';
import { DESKTOP, PHONE, story, tellSeveralAtOnce } from './support/person.mjs';
import { withCards } from './support/table.mjs';
import { eventuallyIs, picture } from './support/world.mjs';

tellSeveralAtOnce();

const LANGUAGES = ['en', 'ja'];

async function inLanguage(wallet, language) {
  await wallet.go('/settings');
  await wallet.at(`language-${language}`).check();
  await eventuallyIs('the language',
    () => wallet.page.locator('html').getAttribute('lang'), language);
}

/** The page as it is, in both colours. */
async function look(wallet, label) {
  const { page } = wallet;
  await wallet.atRest();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: picture(`${label}-${colorScheme}`), fullPage: true });
    await assertNoSidewaysScroll(page, label);
    await assertAccessible(page, `${label} ${colorScheme}`);
  }
}

/** Brings the page into a state by `enter`, and looks at it, in both languages. */
async function inEveryLanguage(wallet, label, enter) {
  for (const language of LANGUAGES) {
    await inLanguage(wallet, language);
    await enter();
    await look(wallet, `${label}-${language}`);
  }
}

for (const [screen, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  story(`a virtual card on a ${screen}: new, made, asking`, async (enter) => {
    const wallet = await CardWallet.withCoins(await enter({ viewport }), 3000);
    await inEveryLanguage(wallet, `${screen}-card-new`, async () => {
      await wallet.go('/card');
      await wallet.at('card-virtual').click();
      await wallet.at('card-make').waitFor();
    });
    await wallet.makeVirtualCard();
    await wallet.move('load', 1200);
    await wallet.moved();
    await inEveryLanguage(wallet, `${screen}-card-virtual`, () => wallet.toCard());
    await inEveryLanguage(wallet, `${screen}-card-unfolded`, async () => {
      await wallet.toCard();
      await wallet.at('card-way-load').waitFor();
      for (const fold of await wallet.page.locator('details.fold').all()) await unfold(fold);
    });
    await wallet.toCard();
    await wallet.move('ask', 500);
    await wallet.message();
    await inEveryLanguage(wallet, `${screen}-card-asking`, async () => {
      await wallet.toCard();
      await wallet.at('card-repeat').click();
      await wallet.link();
    });
  });

  story(`cards and a terminal on a ${screen}`, (enter) =>
    withCards({ one: 'purse', two: 'purse', till: 'terminal' }, {}, async (cards) => {
      const wallet = await CardWallet.withCoins(
        await enter({ browser: cards.browser, viewport }), 3000);
      await cards.plug('one');
      await wallet.toCard();
      await wallet.setPin('1357');
      await wallet.move('load', 1200);
      await wallet.moved();
      await cards.plug('two');
      await inEveryLanguage(wallet, `${screen}-card-two`, async () => {
        await wallet.toCard();
        await eventuallyIs('two cards', () => wallet.at('card').count(), 2);
      });
      await cards.unplug('two');
      await cards.plug('till');
      await inEveryLanguage(wallet, `${screen}-terminal-ready`, async () => {
        await wallet.go('/terminal');
        await wallet.at('terminal-customer').waitFor();
        await atRest(wallet.page);
      });
      // the customer takes the card along, and gives the PIN with it the next time
      await cards.unplug('one');
      await cards.plug('one');
      await inEveryLanguage(wallet, `${screen}-terminal-pin`, async () => {
        await wallet.go('/terminal');
        await wallet.at('terminal-customer').getByTestId('card-pin-old').waitFor();
      });
    }));
}
