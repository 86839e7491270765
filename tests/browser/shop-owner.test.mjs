// The shop's owner: sales, and money taken in each of three ways; then the books, which anybody
// may read.
import assert from 'node:assert/strict';

import { audit, figures, reserves } from './support/audit.mjs';
import { story } from './support/person.mjs';
import { PICTURE, SOUND, STORY, ShopPage } from './support/shop.mjs';
import { OPENING_BALANCE, WalletPage } from './support/wallet.mjs';
import { eventually, eventuallyIs, picture } from './support/world.mjs';

const PAYMENT_REQUIRED = /status of 402 \(Payment Required\)/;

async function buy(wallet, good) {
  const shop = new ShopPage(wallet.page);
  await shop.order(good);
  await shop.plainLink().click();
  await wallet.confirm();
}

story('sales, and takings as fresh coins, as money, and kept for later (VC-5, VC-7, FX-9)',
  async (enter) => {
    const customer = await enter();
    customer.expects(PAYMENT_REQUIRED);
    const wallet = await WalletPage.withCoins(customer);
    const owner = new ShopPage(await (await enter()).tab());
    await owner.signIn();

    await owner.take('refresh');
    await buy(wallet, PICTURE);
    await eventuallyIs('fresh coins', () => owner.takings(),
      { fresh: 370, held: 0, account: OPENING_BALANCE, received: 370 });

    await owner.take('redeem');
    await buy(wallet, STORY);
    await eventuallyIs('money in the account', () => owner.takings(),
      { fresh: 370, held: 0, account: OPENING_BALANCE + 120, received: 490 });

    await owner.take('aggregate');
    await buy(wallet, SOUND);
    await eventuallyIs('value kept', () => owner.takings(),
      { fresh: 370, held: 240, account: OPENING_BALANCE + 120, received: 730 });
    await owner.page.screenshot({ path: picture('owner-three-ways'), fullPage: true });

    const sales = await owner.sales();
    assert.deepEqual(sales.map(({ amount, taken }) => [amount, taken]), [
      ['¥240', 'kept'], ['¥120', 'to the account'], ['¥370', 'fresh coins'],
    ]);
    assert.ok(sales[2].what.includes(PICTURE.name));

    await owner.redeemEverything();
    await eventuallyIs('everything redeemed', () => owner.takings(),
      { fresh: 0, held: 0, account: OPENING_BALANCE + 730, received: 730 });

    await wallet.go('/');
    await wallet.balanceIs(4270);
    const { coins, held, ...rest } = await figures();
    assert.deepEqual([coins, held], [4270, 0]);
    assert.equal(reserves(rest), 4270);
  });

story('a wrong password does not let anybody in, and no form is taken without one',
  async (enter) => {
    const person = await enter();
    person.expects(/status of 403/);
    const { page } = new ShopPage(await person.tab());
    const shop = new ShopPage(page);
    await shop.open();
    await page.goto(new URL('/owner', page.url()).href);
    await page.locator('input[type=password]').fill('guess');
    await page.locator('form[action="/owner/login"] button').click();
    await page.locator('[role=alert]').waitFor();
    assert.equal(await page.locator('dl.takings').count(), 0);
    const forced = await fetch(new URL('/owner/settings', page.url()), {
      method: 'POST', body: new URLSearchParams({ take: 'redeem' }), redirect: 'manual',
    });
    assert.equal(forced.status, 303);
  });

/** What the audit page shows of a currency. */
const row = (wallet, code) => wallet.page
  .locator(`[data-testid=audit-row][data-currency=${code}]`)
  .evaluate(({ dataset: { verdict, coins, reserves: backed } }) =>
    [verdict, Number(coins), Number(backed)]);

story('the audit page: coins equal reserves, live (VC-10)', async (enter) => {
  const reader = await WalletPage.open(await enter(), '/audit');
  const before = await figures();
  const total = before.coins + before.held;
  await eventuallyIs('the figures', () => row(reader, 'JPY'), ['equal', before.coins, total]);
  const others = (await audit()).currencies.map(({ code }) => code);
  for (const code of others) {
    await eventually(code, async () => (await row(reader, code))[0] === 'equal');
  }
  let loads = 0;
  reader.page.on('load', () => { loads += 1; });
  // somebody else withdraws and deposits, and this page follows by itself
  const holder = await WalletPage.withCoins(await enter(), 12_345);
  await eventuallyIs('the withdrawal is seen', () => row(reader, 'JPY'),
    ['equal', before.coins + 12_345, total + 12_345]);
  await holder.redeem(2345);
  await eventuallyIs('the deposit is seen', () => row(reader, 'JPY'),
    ['equal', before.coins + 10_000, total + 10_000]);
  assert.equal(loads, 0);
  await reader.page.screenshot({ path: picture('audit-live'), fullPage: true });
});

story('the activity page lists every transaction, each payment with its receipt (ECASH-3)',
  async (enter) => {
    const person = await enter();
    person.expects(PAYMENT_REQUIRED);
    const wallet = await WalletPage.withCoins(person);
    await buy(wallet, PICTURE);
    await buy(wallet, STORY);
    await wallet.redeem(1000);
    assert.equal(await wallet.change(), 3510);
    const lines = await wallet.activity();
    assert.deepEqual(lines.map(({ kind, state }) => [kind, state]), [
      ['change', 'done'], ['redemption', 'done'], ['payment', 'done'], ['payment', 'done'],
      ['withdrawal', 'done'], ['enrolment', 'done'], ['registration', 'done'],
    ]);
    for (const [line, good] of [[lines[3], PICTURE], [lines[2], STORY]]) {
      await wallet.go(line.path);
      const receipt = await wallet.at('receipt').innerText();
      for (const part of ['Inkstone', good.name, `¥${good.yen}`]) {
        assert.ok(receipt.includes(part), `${part} in ${receipt}`);
      }
    }
    // the list is the wallet's own, and is still there after the browser was closed
    await person.restart();
    const again = await WalletPage.open(person);
    assert.equal((await again.activity()).length, lines.length);
  });
