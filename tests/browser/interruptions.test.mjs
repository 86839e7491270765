// Turn it off and on: whatever is cut off in the middle finishes by itself, and no yen is off.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { killEdge } from './support/edge.mjs';
import { Merchant } from './support/merchant.mjs';
import { story } from './support/person.mjs';
import { OPENING_BALANCE, WalletPage } from './support/wallet.mjs';
import { eventually, eventuallyIs, origins } from './support/world.mjs';

let merchant;
before(async () => { merchant = await Merchant.open('Nine Lives Books'); });
after(() => merchant.close());

const OPERATIONS = `${origins.issuer}/operations`;
const PAYMENTS = `${origins.payment}/pay/**`;
/** What the browser itself logs about a request that was cut off. */
const CUT_OFF = /Failed to load resource|net::ERR_|blocked by CORS policy/;

/** Requests to such addresses wait until the page is gone. Gives a promise of the first one. */
function hold(page, pattern) {
  return new Promise((seen) => { page.route(pattern, () => seen()); });
}

/** The other side answers such requests, but the answer never arrives. */
async function loseAnswers(page, pattern) {
  let lost = 0;
  await page.route(pattern, async (route) => {
    await route.fetch();
    lost += 1;
    await route.abort('connectionreset');
  });
  return () => lost;
}

/** A person with a page at a priced invoice. */
async function atInvoice(enter, reference, minor = 370) {
  const person = await enter();
  person.expects(CUT_OFF);
  const wallet = await WalletPage.withCoins(person);
  const order = await merchant.order(reference, minor, 'A paperback');
  await wallet.openInvoice(order.invoice_url);
  await wallet.at('pay-confirm').waitFor();
  return { person, wallet, order };
}

async function paidOnce(wallet, order, left) {
  await eventuallyIs('the order is paid', async () => (await merchant.ordered(order.order)).status,
    'paid', { within: 40_000 });
  await wallet.settled({ within: 40_000 });
  await wallet.go('/');
  await wallet.balanceIs(left);
  const payments = (await wallet.activity()).filter(({ kind }) => kind === 'payment');
  assert.deepEqual(payments.map(({ state }) => state), ['done']);
  await wallet.go(payments[0].path);
  await wallet.at('receipt').waitFor();
}

/** A person who is about to withdraw. */
async function atWithdrawal(enter, yen = 5000) {
  const person = await enter();
  person.expects(CUT_OFF);
  const wallet = await WalletPage.open(person);
  await wallet.register();
  await wallet.enrol();
  await wallet.fillWithdrawal(yen);
  return { person, wallet };
}

async function withdrawnOnce(wallet, yen = 5000) {
  await wallet.settled({ within: 40_000 });
  await wallet.go('/');
  await wallet.balanceIs(yen);
  await wallet.accountIs(OPENING_BALANCE - yen);
}

story('a withdrawal that was never sent is sent after a reload (VC-3)', async (enter) => {
  const { wallet } = await atWithdrawal(enter);
  const sent = hold(wallet.page, OPERATIONS);
  await wallet.at('withdraw-submit').click();
  await sent;
  await wallet.page.unrouteAll();
  await wallet.page.reload();
  await withdrawnOnce(wallet);
});

story('a withdrawal whose answer was lost is finished once (W1)', async (enter) => {
  const { wallet } = await atWithdrawal(enter);
  const lost = await loseAnswers(wallet.page, OPERATIONS);
  await wallet.at('withdraw-submit').click();
  await eventually('an answer is lost', () => lost() > 0);
  await wallet.page.unrouteAll();
  await wallet.page.reload();
  await withdrawnOnce(wallet);
});

story('a reload right at the click loses nothing: withdrawal', async (enter) => {
  const { wallet } = await atWithdrawal(enter);
  await wallet.at('withdraw-submit').click();
  await wallet.page.reload();
  // the click may have come too late to be written down: then nothing has happened at all
  await wallet.settled({ within: 40_000 });
  await wallet.go('/');
  const held = await wallet.balance().catch(() => 0);
  assert.ok([0, 5000].includes(held), `${held}`);
  await wallet.accountIs(OPENING_BALANCE - held);
});

story('a payment that was never sent is sent after a reload (VC-4)', async (enter) => {
  const { wallet, order } = await atInvoice(enter, 'never-sent');
  const sent = hold(wallet.page, PAYMENTS);
  await wallet.at('pay-confirm').click();
  await sent;
  await wallet.page.unrouteAll();
  await wallet.page.reload();
  await paidOnce(wallet, order, 4630);
});

story('a payment whose receipt was lost brings it later (VC-5)', async (enter) => {
  const { wallet, order } = await atInvoice(enter, 'receipt-lost', 1281);
  const lost = await loseAnswers(wallet.page, PAYMENTS);
  await wallet.at('pay-confirm').click();
  await eventually('an answer is lost', () => lost() > 0);
  await wallet.page.unrouteAll();
  await wallet.page.reload();
  await paidOnce(wallet, order, 3719);
});

story('a reload right at the click loses nothing: payment', async (enter) => {
  const { wallet, order } = await atInvoice(enter, 'reload-at-click');
  await wallet.at('pay-confirm').click();
  await wallet.page.reload();
  await wallet.settled({ within: 40_000 });
  await wallet.go('/');
  const held = await wallet.balance();
  const { status } = await merchant.ordered(order.order);
  assert.ok(
    (held === 5000 && status === 'unpaid') || (held === 4630 && status === 'paid'),
    `${held}, ${status}`,
  );
});

story('a power cut at the wallet in the middle of a payment (W1, W2)', async (enter) => {
  const { person, wallet, order } = await atInvoice(enter, 'power-cut');
  const sent = hold(wallet.page, PAYMENTS);
  await wallet.at('pay-confirm').click();
  await sent;
  await person.powerCut();
  const again = await WalletPage.open(person);
  await paidOnce(again, order, 4630);
});

story('a power cut at the edge in the middle of a payment (VC-9, W1)', async (enter) => {
  const { wallet, order } = await atInvoice(enter, 'edge-cut');
  const answered = wallet.page.waitForRequest(PAYMENTS);
  await wallet.at('pay-confirm').click();
  await answered;
  await killEdge()();
  await paidOnce(wallet, order, 4630);
});

story('after a night off everything is still there, and the wallet pays', async (enter) => {
  const person = await enter();
  person.expects(CUT_OFF);
  const wallet = await WalletPage.withCoins(person);
  const first = await merchant.order('before-the-night', 120, 'A bookmark');
  await wallet.openInvoice(first.invoice_url);
  await wallet.confirm();
  const takings = await merchant.takings();
  const running = killEdge();
  await running();
  await person.restart();
  assert.deepEqual(await merchant.takings(), takings);
  const again = await WalletPage.open(person);
  await again.balanceIs(4880);
  await again.accountIs(OPENING_BALANCE - 5000);
  const second = await merchant.order('after-the-night', 370, 'A paperback');
  await again.openInvoice(second.invoice_url);
  await again.confirm();
  await paidOnceMore(again);
});

async function paidOnceMore(wallet) {
  await wallet.go('/');
  await wallet.balanceIs(4510);
  const kinds = (await wallet.activity()).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['payment', 'payment', 'withdrawal', 'enrolment', 'registration']);
}
