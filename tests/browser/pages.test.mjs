// Every page: by keyboard, for a screen reader, in both languages and colours, on both screens.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import {
  assertAccessible, assertNoSidewaysScroll, atRest, tabTo,
} from './support/looks.mjs';
import { Merchant } from './support/merchant.mjs';
import { DESKTOP, PHONE, story, tellSeveralAtOnce } from './support/person.mjs';
import { PICTURE, ShopPage } from './support/shop.mjs';
import { WalletPage } from './support/wallet.mjs';
import { eventuallyIs, origins, picture } from './support/world.mjs';

tellSeveralAtOnce();

/** A browser logs every answer of status 402, though here it is the answer that is wanted. */
const PAYMENT_REQUIRED = /status of 402 \(Payment Required\)/;
const NARROW = { width: 360, height: 640 };

let merchant;
before(async () => { merchant = await Merchant.open('Yanaka Stationery'); });
after(() => merchant.close());

/** A wallet with a history, and every page of wallet and shop: its name and its address. */
async function everyPage(person, label) {
  const wallet = await WalletPage.open(person);
  await atRest(wallet.page);
  await wallet.page.screenshot({ path: picture(`${label}-first-steps`) });
  await assertAccessible(wallet.page, 'first steps');
  await wallet.register();
  await wallet.page.screenshot({ path: picture(`${label}-enrol`) });
  await assertAccessible(wallet.page, 'enrolment');
  await wallet.enrol();
  await wallet.withdraw(5000);
  const paid = await merchant.order(`${label}-paid`, 1280, 'A notebook, bound by hand');
  await wallet.openInvoice(paid.invoice_url);
  await wallet.confirm();
  await wallet.redeem(500);
  const open = await merchant.order(`${label}-open`, 370, 'A pencil');
  const dear = await merchant.order(`${label}-dear`, 12_000, 'A fountain pen');
  const [, payment] = await wallet.activity();
  const shop = new ShopPage(wallet.page);
  const bought = await shop.order(PICTURE);
  await shop.plainLink().click();
  await wallet.confirm();
  await wallet.page.screenshot({ path: picture(`${label}-paid`), fullPage: true });
  await assertAccessible(wallet.page, 'a payment just made');
  const order = await shop.order(PICTURE);
  await shop.signIn();
  const owner = wallet.page.url();
  const at = (path) => `${origins.wallet}${path}`;
  const pages = [
    ['not-found', at('/none')], ['wallet', at('/')], ['withdraw', at('/withdraw')], ['pay', at('/pay')],
    ['invoice', at(`/pay?invoice=${open.invoice_url}`)],
    ['too-little', at(`/pay?invoice=${dear.invoice_url}`)],
    ['activity', at('/activity')], ['receipt', at(payment.path)], ['redeem', at('/redeem')],
    ['change', at('/change')], ['audit', at('/audit')], ['settings', at('/settings')],
    ['card', at('/card')], ['terminal', at('/terminal')],
    ['shop', `${origins.shop}/`], ['shop-order', order], ['shop-bought', bought],
    ['shop-owner', owner],
  ];
  return { wallet, pages };
}

async function inLanguage(page, language) {
  await page.goto(`${origins.wallet}/settings`);
  await page.getByTestId(`language-${language}`).check();
  await eventuallyIs('the language', () => page.locator('html').getAttribute('lang'), language);
}

for (const [screen, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
  story(`every page on a ${screen}, light and dark, in English and Japanese`, async (enter) => {
    const person = await enter({ viewport });
    person.expects(PAYMENT_REQUIRED);
    const { wallet: { page }, pages } = await everyPage(person, screen);
    for (const language of ['en', 'ja']) {
      await inLanguage(page, language);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        for (const [name, address] of pages) {
          const ofShop = address.startsWith(origins.shop);
          await page.goto(ofShop ? `${address}?lang=${language}` : address);
          await atRest(page);
          const label = [screen, name, language, colorScheme].join('-');
          await page.screenshot({ path: picture(label), fullPage: true });
          await assertNoSidewaysScroll(page, label);
          if (screen === 'phone' || language === 'ja') await assertAccessible(page, label);
        }
      }
    }
  });
}

story('no page scrolls sideways on a screen 360 pixels wide', async (enter) => {
  const person = await enter({ viewport: NARROW });
  person.expects(PAYMENT_REQUIRED);
  const { wallet: { page }, pages } = await everyPage(person, 'narrow');
  for (const language of ['en', 'ja']) {
    await inLanguage(page, language);
    for (const [name, address] of pages) {
      await page.goto(address.startsWith(origins.shop) ? `${address}?lang=${language}` : address);
      await atRest(page);
      await assertNoSidewaysScroll(page, `${name} in ${language}`);
    }
  }
});

story('the whole story by keyboard alone', async (enter) => {
  const person = await enter();
  const wallet = await WalletPage.open(person);
  const { page } = wallet;
  await wallet.at('register-name').waitFor();
  await tabTo(page, wallet.at('register-name'));
  await page.keyboard.type('keyboard-only');
  await page.keyboard.press('Enter');
  await wallet.at('enrol-owner').waitFor();
  await tabTo(page, wallet.at('enrol-owner'));
  await page.keyboard.type('Taro Suzuki');
  await page.keyboard.press('Enter');
  await wallet.at('first-withdraw').waitFor();
  await tabTo(page, wallet.at('first-withdraw'));
  await page.keyboard.press('Enter');
  await wallet.at('withdraw-amount').waitFor();
  await tabTo(page, wallet.at('withdraw-amount'));
  await page.keyboard.type('5000');
  await page.keyboard.press('Enter');
  await wallet.at('outcome-done').waitFor();

  const order = await merchant.order('keyboard', 370, 'A pencil', {
    fulfilment_url: merchant.publish('/thanks', '<!doctype html><title>Thanks</title>',
      'text/html'),
  });
  await wallet.openInvoice(order.invoice_url);
  await wallet.at('pay-confirm').waitFor();
  await tabTo(page, wallet.at('pay-confirm'));
  await page.keyboard.press('Enter');
  await wallet.at('receipt').waitFor();
  await tabTo(page, wallet.at('return-to-shop'));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${merchant.origin}/thanks`);
});

story('a page reached by a link takes the focus to its heading', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  const { page } = wallet;
  for (const name of ['/activity', '/audit', '/settings', '/pay']) {
    await page.locator(`nav a[href="${name}"]`).first().click();
    await eventuallyIs(`the focus at ${name}`,
      () => page.evaluate(() => document.activeElement.tagName), 'H1');
    assert.match(await page.title(), /– Koban$/);
  }
});

story('language and colours are kept over a reload and a restart', async (enter) => {
  const person = await enter();
  const wallet = await WalletPage.withCoins(person);
  await wallet.go('/settings');
  await wallet.at('language-ja').check();
  await wallet.at('theme-dark').check();
  const looks = (page) => page.evaluate(() =>
    [document.documentElement.lang, document.documentElement.dataset.theme]);
  await eventuallyIs('the looks', () => looks(wallet.page), ['ja', 'dark']);
  await wallet.page.reload();
  assert.deepEqual(await looks(wallet.page), ['ja', 'dark']);
  await wallet.go('/');
  await wallet.balanceIs(5000);
  assert.match(await wallet.page.title(), /ウォレット|財布/);
  await person.restart();
  const again = await WalletPage.open(person);
  assert.deepEqual(await looks(again.page), ['ja', 'dark']);
  await again.balanceIs(5000);
});

// What this writes, out/readme.png, is docs/wallet.png.
story('the picture of the README: the shop on a desk, the wallet on a phone', async (enter) => {
  const phone = await enter({ viewport: PHONE });
  phone.expects(PAYMENT_REQUIRED);
  const wallet = await WalletPage.withCoins(phone);
  const shop = new ShopPage(await (await enter({ viewport: DESKTOP })).tab());
  await shop.open();
  await atRest(shop.page);
  const behind = await shop.page.screenshot();
  await wallet.page.goto(`${origins.wallet}/pay?invoice=${await shop.order(PICTURE)}/goods`);
  await wallet.at('pay-confirm').waitFor();
  const before = await wallet.page.screenshot();
  await wallet.confirm();
  await atRest(wallet.page);
  const after = await wallet.page.screenshot();

  const table = await (await enter({ viewport: { width: 1400, height: 800 } })).tab();
  const image = (bytes, style) =>
    `<img src="data:image/png;base64,${bytes.toString('base64')}" style="${style}">`;
  const framed = 'position:absolute;border-radius:18px;box-shadow:0 12px 40px #0005;';
  await table.setContent(`<body style="margin:0;background:#d8d2c4">
    ${image(behind, `${framed}left:40px;top:70px;width:900px`)}
    ${image(before, `${framed}left:690px;top:110px;width:310px`)}
    ${image(after, `${framed}left:1045px;top:60px;width:310px`)}`);
  await table.screenshot({ path: picture('readme') });
});
