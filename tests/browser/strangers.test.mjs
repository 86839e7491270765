// What people and shops do that nobody planned: garbage, no network, two tabs, the back button,
// old papers, lies. Each gets a clear word, and the balance is what it was.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { Merchant, document } from './support/merchant.mjs';
import { story, tellSeveralAtOnce } from './support/person.mjs';
import { OPENING_BALANCE, WalletPage } from './support/wallet.mjs';
import { eventually, eventuallyIs, sleep } from './support/world.mjs';

tellSeveralAtOnce();

/** What the browser itself logs about requests that fail. */
const FAILED = /Failed to load resource|net::ERR_|blocked by CORS policy/;
/** The shortest life the payment server gives an order, seconds. */
const SHORTEST_S = 60;

let merchant;
let shortLived;
let expiry;
before(async () => {
  merchant = await Merchant.open('Tanuki Trading');
  shortLived = await merchant.order('short', 370, 'Milk', { expires_in: SHORTEST_S });
  expiry = Date.now() + (SHORTEST_S + 1) * 1000;
});
after(() => merchant.close());

const NOT_AMOUNTS = [
  '0', '00', '-1', '−5', '+3', '1.5', '0.001', '1e3', '0x10', 'NaN', 'Infinity', 'abc', '12 yen 3',
  '9007199254740993', '99999999999999999999999', '1.000.000', ' ', '٣', '<b>5</b>', '5;6', "1' OR 1",
];

story('amounts that are none are refused in every field', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  for (const [path, field, submit] of [
    ['/withdraw', 'withdraw-amount', 'withdraw-submit'],
    ['/redeem', 'redeem-amount', 'redeem-submit'],
  ]) {
    await wallet.go(path);
    for (const text of NOT_AMOUNTS) {
      await wallet.at(field).fill(text);
      assert.equal(await wallet.at(submit).isDisabled(), true, `${field}: ${text}`);
      if (text.trim()) {
        const invalid = await wallet.at(field).getAttribute('aria-invalid');
        assert.equal(invalid, 'true', `${field} says that ${text} is no amount`);
      }
    }
    await wallet.at(field).fill('1000');
    assert.equal(await wallet.at(submit).isDisabled(), false, `${field} takes an amount after all`);
  }
  await wallet.go('/');
  await wallet.balanceIs(5000);
});

story('dollars have cents, and no less than that (VC-3)', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  await wallet.go('/withdraw');
  await wallet.at('currency').selectOption('USD');
  for (const text of ['0.00', '0.001', '12.345', '1.2.3', '.']) {
    await wallet.at('withdraw-amount').fill(text);
    assert.equal(await wallet.at('withdraw-submit').isDisabled(), true, text);
  }
  await wallet.at('withdraw-amount').fill('12.34');
  await wallet.at('withdraw-submit').click();
  await wallet.at('outcome-done').waitFor();
  await wallet.go('/');
  await wallet.balanceIs(1234, 'USD');
  await wallet.balanceIs(5000);
  assert.match(await wallet.at('balance-USD').textContent(), /12\.34/);
});

story('more than there is cannot be withdrawn, deposited or changed', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  await wallet.accountIs(OPENING_BALANCE - 5000);
  await wallet.at('withdraw-amount').fill(String(OPENING_BALANCE - 5000 + 1));
  await wallet.refuses('withdraw-submit');
  await wallet.at('withdraw-amount').fill(String(OPENING_BALANCE - 5000));
  await eventually('all of it can be', () => wallet.at('withdraw-submit').isEnabled());
  await wallet.go('/redeem');
  await wallet.at('redeem-amount').fill('5001');
  await wallet.refuses('redeem-submit');
  await wallet.go('/change');
  await wallet.at('coins-8192').fill('1');
  await wallet.at('coins-8192').press('Tab');
  await wallet.refuses('change-submit');
  for (const text of ['-1', 'many', '1.5', '70000']) {
    await wallet.at('coins-1').fill(text);
    await wallet.at('coins-1').press('Tab');
    const count = Number(await wallet.at('coins-1').inputValue());
    assert.ok(count >= 0 && count <= 99, `${text} became ${count}`);
  }
});

story('names: empty, endless, taken, and names that look like markup', async (enter) => {
  const first = await WalletPage.open(await enter());
  for (const text of ['', '   ']) {
    await first.at('register-name').fill(text);
    await first.refuses('register-submit');
  }
  await first.at('register-name').fill('小判'.repeat(400));
  assert.ok((await first.at('register-name').inputValue()).length <= 20);
  const name = await first.register('<b>&"\u202e𠮷</b>');
  await first.go('/settings');
  assert.equal(await first.at('pseudonym').textContent(), name);
  const second = await WalletPage.open(await enter());
  await second.at('register-name').fill(name);
  await second.at('register-submit').click();
  assert.equal(await second.problem(), 'pseudonym-taken');
  await second.register();
});

story('addresses that lead nowhere say so', async (enter) => {
  const person = await enter();
  person.expects(FAILED);
  const wallet = await WalletPage.withCoins(person);
  const shown = wallet.page.locator('main');
  for (const path of [
    '/pay?invoice=nonsense', '/pay?invoice=javascript:alert(1)', '/pay?u=web%2Bother%3Ax',
    '/pay#not-base64!', '/pay#AAAA', '/pay?invoice=http://127.0.0.1:9/', '/pay?invoice=%',
    `/pay?invoice=${merchant.origin}/missing`, '/activity/nonsense', '/nowhere/at/all',
    '/withdraw?amount=abc&currency=XYZ', '/withdraw?amount=-5&next=//evil.example/',
  ]) {
    await wallet.go(path);
    await eventually(`a page at ${path}`, async () => (await shown.innerText()).trim().length > 20);
    assert.equal(await wallet.at('pay-confirm').count(), 0, path);
    assert.equal(await wallet.page.locator('a[href*="evil.example"]').count(), 0, path);
  }
  await wallet.go('/');
  await wallet.balanceIs(5000);
});

story('without a network withdrawals wait, and go on by themselves', async (enter) => {
  const person = await enter();
  person.expects(FAILED);
  const wallet = await WalletPage.open(person);
  await wallet.register();
  await wallet.enrol();
  await wallet.fillWithdrawal(5000);
  await person.context.setOffline(true);
  await wallet.at('withdraw-submit').click();
  await sleep(1500);
  assert.equal(await wallet.at('outcome-done').count(), 0);
  await person.context.setOffline(false);
  await wallet.at('outcome-done').waitFor({ timeout: 40_000 });
  await wallet.go('/');
  await wallet.balanceIs(5000);
});

story('without a network payments wait, and go on by themselves', async (enter) => {
  const person = await enter();
  person.expects(FAILED);
  const wallet = await WalletPage.withCoins(person);
  const order = await merchant.order('offline', 370, 'Tea');
  await wallet.openInvoice(order.invoice_url);
  await wallet.at('pay-confirm').waitFor();
  await person.context.setOffline(true);
  await wallet.at('pay-confirm').click();
  await sleep(1500);
  assert.equal((await merchant.ordered(order.order)).status, 'unpaid');
  // the wallet opens without a network, from what its service worker keeps
  await wallet.page.reload();
  assert.equal(await wallet.problem(), 'network');
  await wallet.go('/');
  await eventually('the coins on their way are not spendable', async () =>
    await wallet.balance() <= 4630);
  await person.context.setOffline(false);
  await wallet.settled({ within: 40_000 });
  await wallet.go('/');
  await wallet.balanceIs(4630);
  assert.equal((await merchant.ordered(order.order)).status, 'paid');
});

story('two tabs are one wallet, and one invoice is paid once (W2)', async (enter) => {
  const person = await enter();
  const first = await WalletPage.withCoins(person);
  const second = await WalletPage.open(person);
  const order = await merchant.order('two-tabs', 370, 'Tea');
  await Promise.all([first, second].map((tab) => tab.openInvoice(order.invoice_url)));
  await Promise.all([first, second].map((tab) => tab.at('pay-confirm').waitFor()));
  await Promise.all([first, second].map((tab) => tab.at('pay-confirm').click()));
  await Promise.all([first, second].map((tab) =>
    tab.at('pay-done').or(tab.at('problem')).first().waitFor()));
  await eventuallyIs('the order', async () => (await merchant.ordered(order.order)).status, 'paid');
  for (const tab of [first, second]) {
    await tab.go('/');
    await tab.balanceIs(4630);
  }
  const payments = (await first.activity()).filter(({ kind }) => kind === 'payment');
  assert.deepEqual(payments.map(({ state }) => state), ['done']);
});

story('a wallet left open in another tab follows, and does not keep a shop waiting (VC-12)',
  async (enter) => {
    const person = await enter();
    const left = await WalletPage.withCoins(person);
    const order = await merchant.order('left-open', 370, 'Tea');
    const shopping = await WalletPage.open(person, `/pay?invoice=${order.invoice_url}`);
    await shopping.confirm();
    // what happens in one tab is seen in the other without a reload
    await left.balanceIs(4630);
    await shopping.withdraw(1000);
    await left.balanceIs(5630);
    const again = await merchant.order('left-open-again', 630, 'More tea');
    await left.openInvoice(again.invoice_url);
    await left.confirm();
    await shopping.go('/');
    await shopping.balanceIs(5000);
  });

story('back, and the same invoice again: paid stays paid (VC-6)', async (enter) => {
  const person = await enter();
  const wallet = await WalletPage.withCoins(person);
  merchant.publish('/thanks', '<!doctype html><title>Thanks</title><p>Thanks', 'text/html');
  const order = await merchant.order('again', 370, 'Tea', {
    fulfilment_url: `${merchant.origin}/thanks`,
  });
  await wallet.openInvoice(order.invoice_url);
  await wallet.confirm();
  await wallet.at('return-to-shop').click();
  await wallet.page.waitForURL(`${merchant.origin}/thanks`);
  await wallet.page.goBack();
  await wallet.at('receipt').waitFor();
  assert.equal(await wallet.at('pay-confirm').count(), 0);
  await wallet.openInvoice(order.invoice_url);
  await wallet.at('pay-done').or(wallet.at('obstacle')).waitFor();
  assert.equal(await wallet.at('pay-confirm').count(), 0);
  await wallet.go('/');
  await wallet.balanceIs(4630);
  const payments = (await wallet.activity()).filter(({ kind }) => kind === 'payment');
  assert.equal(payments.length, 1);
});

story('whoever pays what another has paid gets the coins back', async (enter) => {
  const first = await WalletPage.withCoins(await enter());
  const latecomer = await enter();
  latecomer.expects(FAILED);
  const second = await WalletPage.withCoins(latecomer);
  const order = await merchant.order('one-cake', 777, 'The last cake');
  await second.openInvoice(order.invoice_url);
  await second.at('pay-confirm').waitFor();
  await first.openInvoice(order.invoice_url);
  await first.confirm();
  await second.at('pay-confirm').click();
  await second.problem();
  await second.settled({ within: 30_000 });
  await second.go('/');
  await second.balanceIs(5000);
});

story('an altered invoice is not paid (VC-4)', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  const order = await merchant.order('altered', 370, 'Tea');
  const whole = document(order);
  const cheaper = Buffer.from(whole);
  cheaper[Math.floor(cheaper.length / 2)] ^= 1;
  const forged = Buffer.from(whole);
  forged[forged.length - 1] ^= 1;
  for (const [path, body] of [
    ['/changed', cheaper], ['/forged', forged], ['/short', whole.subarray(0, -1)],
    ['/long', Buffer.concat([whole, Buffer.from([0])])], ['/empty', Buffer.alloc(0)],
    ['/html', Buffer.from('<!doctype html><p>no invoice')], ['/huge', Buffer.alloc(200_000, 1)],
  ]) {
    await wallet.openInvoice(merchant.publish(path, body));
    await wallet.problem();
    assert.equal(await wallet.at('pay-confirm').count(), 0, path);
  }
  await wallet.openInvoice(merchant.publish('/whole', whole));
  assert.equal((await wallet.invoice()).minor, 370);
});

story('a shop that shows one price and asks another: the wallet shows what it will pay',
  async (enter) => {
    const wallet = await WalletPage.withCoins(await enter());
    const order = await merchant.order('bait', 3700, 'Tea');
    const invoice = merchant.publish('/bait-invoice', document(order));
    const page = merchant.publish('/bait', `<!doctype html><title>Tea</title>
      <p>Only ¥370! <a id=buy href="${new URL(wallet.page.url()).origin}/pay?invoice=${invoice}">
      Buy</a>`, 'text/html');
    await wallet.page.goto(page);
    await wallet.page.click('#buy');
    assert.deepEqual(await wallet.invoice(),
      { payee: 'Tanuki Trading', minor: 3700, purpose: 'Tea' });
    assert.match(await wallet.at('pay-confirm').textContent(), /3,700/);
    await wallet.at('pay-decline').click();
    await wallet.balanceIs(5000);
  });

story('too little money: the way to withdraw the rest, and back to the invoice', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter(), 300);
  const order = await merchant.order('too-little', 370, 'Tea');
  await wallet.openInvoice(order.invoice_url);
  await wallet.at('obstacle').waitFor();
  assert.equal(await wallet.at('pay-confirm').count(), 0);
  await wallet.at('way-out').click();
  await eventuallyIs('what is missing is filled in',
    () => wallet.at('withdraw-amount').inputValue(), '70');
  await wallet.at('withdraw-submit').click();
  await wallet.at('outcome-done').waitFor();
  await wallet.at('back-to-invoice').click();
  await wallet.confirm();
  await wallet.go('/');
  await wallet.balanceIs(0);
});

story('an expired invoice is not paid (VC-4)', async (enter) => {
  const wallet = await WalletPage.withCoins(await enter());
  await sleep(Math.max(0, expiry - Date.now()));
  await wallet.openInvoice(shortLived.invoice_url);
  await wallet.at('obstacle').waitFor();
  assert.equal(await wallet.at('pay-confirm').count(), 0);
  assert.equal((await merchant.ordered(shortLived.order)).status, 'expired');
});
