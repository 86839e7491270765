// The person's story through every door that a shop's page can open the wallet by (VC-12): an
// ordinary customer buys, the wallet shows who asks for what and how much, one click pays, the
// receipt is there, and the shop delivers.
import assert from 'node:assert/strict';

import { figures } from './support/audit.mjs';
import { PHONE, story, tellSeveralAtOnce } from './support/person.mjs';
import { NAME, PICTURE, SOUND, STORY, ShopPage } from './support/shop.mjs';
import { OPENING_BALANCE, WalletPage } from './support/wallet.mjs';
import { eventually, eventuallyIs, origins, picture } from './support/world.mjs';

tellSeveralAtOnce();

const INVOICE = 'application/vnd.koban.invoice+cbor';
/** A browser logs every answer of status 402, though here it is the answer that is wanted. */
const PAYMENT_REQUIRED = /status of 402 \(Payment Required\)/;

/** From the invoice in the wallet to the file in the shop. */
async function payAndFetch(wallet, good, orderUrl) {
  const asked = await wallet.invoice();
  assert.deepEqual([asked.payee, asked.minor], [NAME, good.yen]);
  assert.ok(asked.purpose.includes(good.name), asked.purpose);
  await wallet.confirm();
  await wallet.at('return-to-shop').click();
  await wallet.page.waitForURL(orderUrl);
  await assertDelivered(wallet.page, good, orderUrl);
  await wallet.go('/');
  await wallet.balanceIs(5000 - good.yen);
}

/** The shop shows the file, and it is what was bought. */
async function assertDelivered(page, good, orderUrl) {
  const shown = page.locator('.goods-shown');
  await shown.waitFor();
  const saved = page.waitForEvent('download');
  await new ShopPage(page).download().click();
  assert.ok((await saved).suggestedFilename().startsWith(good.slug));
  const answer = await fetch(`${orderUrl}/goods`);
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, good.media]);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (good === PICTURE) {
    assert.ok(bytes.toString().includes('<svg'));
    await eventually('the picture is drawn', () => shown.locator('img').evaluate((image) =>
      image.complete && image.naturalWidth > 0));
  } else if (good === SOUND) {
    assert.equal(bytes.subarray(0, 4).toString(), 'RIFF');
    await eventually('the sound can be played', () => shown.locator('audio').evaluate((audio) =>
      audio.duration > 10));
  } else {
    assert.ok(bytes.length > 1000);
    assert.ok((await shown.innerText()).length > 500);
  }
}

/** A person with coins and a shop in the same tab. */
async function customer(person) {
  person.expects(PAYMENT_REQUIRED);
  const wallet = await WalletPage.withCoins(person);
  return { wallet, shop: new ShopPage(wallet.page) };
}

story('the whole story: register, enrol, withdraw, buy by a plain link, receipt, delivery '
  + '(VC-2, VC-3, VC-4, VC-12)', async (enter) => {
  const person = await enter();
  person.expects(PAYMENT_REQUIRED);
  const wallet = await WalletPage.open(person);
  await wallet.register('first-customer');
  await wallet.enrol('bank-a', 'Hanako Yamada');
  await wallet.accountIs(OPENING_BALANCE);
  await wallet.withdraw(5000);
  await wallet.accountIs(OPENING_BALANCE - 5000);
  await wallet.go('/');
  await wallet.balanceIs(5000);
  assert.ok((await figures()).coins >= 5000);

  const shop = new ShopPage(wallet.page);
  const order = await shop.order(PICTURE);
  await shop.plainLink().click();
  await wallet.at('invoice-payee').waitFor();
  await wallet.page.screenshot({ path: picture('door-plain-link') });
  await payAndFetch(wallet, PICTURE, order);
});

story('a phone, and a shop whose page has no script: text for coins', async (enter) => {
  const person = await enter({ viewport: PHONE });
  const { wallet, shop } = await customer(person);
  const order = await shop.order(STORY);
  assert.equal(await shop.page.locator('script').count(), 0);
  await shop.plainLink().click();
  await payAndFetch(wallet, STORY, order);
});

story('web+koban: a link that the wallet registered for itself (VC-12)', async (enter) => {
  const person = await enter();
  const { wallet, shop } = await customer(person);
  const devtools = await person.devtools(wallet.page);
  await devtools.send('Page.setRPHRegistrationMode', { mode: 'autoAccept' });
  await wallet.go('/settings');
  await wallet.at('register-handler').click();
  const order = await shop.order(PICTURE);
  await (await shop.handlerLink()).click();
  await wallet.at('invoice-payee').waitFor();
  assert.ok(wallet.page.url().startsWith(`${origins.wallet}/pay?u=`), wallet.page.url());
  await payAndFetch(wallet, PICTURE, order);
});

story('the extension acts on the type of the document, status 402 and all (VC-12)',
  async (enter) => {
    const person = await enter({ extension: true });
    const { wallet, shop } = await customer(person);
    await chooseWallet(person);
    const order = await shop.order(SOUND);
    await (await shop.documentLink()).click();
    await wallet.at('invoice-payee').waitFor();
    assert.equal(wallet.page.url(), `${origins.wallet}/pay?invoice=${order}/goods`);
    await payAndFetch(wallet, SOUND, order);
    // once paid, the same address is the file, and the extension leaves it alone
    await wallet.page.goto(`${order}/goods`);
    assert.equal(wallet.page.url(), `${order}/goods`);
  });

/** Tells the extension which wallet to open, on its own page. */
async function chooseWallet(person) {
  const options = await person.tab();
  await options.goto(`${await person.extensionOrigin()}/options.html`);
  await options.locator('input[name=wallet]').fill(origins.wallet);
  await options.locator('button[type=submit]').click();
  await eventuallyIs('the rule leads to the wallet', () => options.evaluate(async () => {
    const [rule] = await chrome.declarativeNetRequest.getDynamicRules();
    return rule.action.redirect.regexSubstitution;
  }), `${origins.wallet}/pay?invoice=\\1`);
  await options.close();
}

story('HTTP 402: a program gets the invoice, pays, and gets the file (VC-12)', async (enter) => {
  const { wallet, shop } = await customer(await enter());
  const order = await shop.order(PICTURE);
  const asked = await fetch(`${order}/goods`);
  assert.deepEqual([asked.status, asked.headers.get('content-type')], [402, INVOICE]);
  const invoice = Buffer.from(await asked.arrayBuffer());
  await wallet.go(`/pay#${invoice.toString('base64url')}`);
  assert.equal((await wallet.invoice()).minor, PICTURE.yen);
  await wallet.confirm();
  const delivered = await fetch(`${order}/goods`);
  assert.deepEqual([delivered.status, delivered.headers.get('content-type')],
    [200, PICTURE.media]);
  assert.ok((await delivered.text()).includes('<svg'));
});

story('a file saved from a shop is opened in the wallet', async (enter) => {
  const { wallet, shop } = await customer(await enter());
  const order = await shop.order(STORY);
  const buffer = Buffer.from(await (await fetch(`${order}/goods`)).arrayBuffer());
  await wallet.go('/pay');
  await wallet.at('invoice-file').setInputFiles({
    name: 'order.koban', mimeType: INVOICE, buffer,
  });
  await payAndFetch(wallet, STORY, order);
});

story('whoever has no wallet yet gets one on the way, and pays (VC-2)', async (enter) => {
  const person = await enter();
  person.expects(PAYMENT_REQUIRED);
  const shop = new ShopPage(await person.tab());
  const order = await shop.order(PICTURE);
  await shop.plainLink().click();
  const wallet = new WalletPage(shop.page);
  await wallet.at('way-out').click();
  await wallet.register();
  await wallet.enrol();
  await wallet.at('first-withdraw').click();
  await wallet.at('withdraw-amount').fill('5000');
  await wallet.at('withdraw-submit').click();
  await wallet.at('outcome-done').waitFor();
  await wallet.at('back-to-invoice').click();
  await payAndFetch(wallet, PICTURE, order);
});

story('back from the shop after paying: the wallet does not ask again', async (enter) => {
  const person = await enter();
  const { wallet, shop } = await customer(person);
  const order = await shop.order(PICTURE);
  await shop.plainLink().click();
  await wallet.confirm();
  await wallet.at('return-to-shop').click();
  await wallet.page.waitForURL(order);
  await wallet.page.goBack();
  await wallet.at('receipt').waitFor();
  assert.equal(await wallet.at('pay-confirm').count(), 0);
  await wallet.go('/');
  await wallet.balanceIs(4630);
});
