// The wallet's pages as a person uses them.
import assert from 'node:assert/strict';

import { eventually, eventuallyIs, origins } from './world.mjs';

/** What a new demonstration account holds, yen. */
export const OPENING_BALANCE = 50_000;

let people = 0;

export class WalletPage {
  constructor(page) {
    this.page = page;
  }

  /** A tab at the wallet. */
  static async open(person, path = '/') {
    const wallet = new WalletPage(await person.tab());
    await wallet.go(path);
    return wallet;
  }

  /** A tab at a new wallet with coins in it. */
  static async withCoins(person, yen = 5000) {
    const wallet = await WalletPage.open(person);
    await wallet.register();
    await wallet.enrol();
    await wallet.withdraw(yen);
    await wallet.go('/');
    await wallet.balanceIs(yen);
    return wallet;
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  async go(path) {
    await this.page.goto(`${origins.wallet}${path}`);
  }

  async register(name = `holder-${process.pid}-${++people}`) {
    await this.at('register-name').fill(name);
    await this.at('register-submit').click();
    await this.at('enrol-owner').waitFor();
    return name;
  }

  async enrol(bank = 'bank-a', owner = 'Hanako Yamada') {
    await this.at('enrol-bank').selectOption(bank);
    await this.at('enrol-owner').fill(owner);
    await this.at('enrol-submit').click();
    await this.at('first-withdraw').waitFor();
  }

  async fillWithdrawal(yen) {
    await this.go('/withdraw');
    await this.at('withdraw-amount').fill(String(yen));
  }

  async withdraw(yen) {
    await this.fillWithdrawal(yen);
    await this.at('withdraw-submit').click();
    await this.at('outcome-done').waitFor();
  }

  async redeem(yen) {
    await this.go('/redeem');
    await this.at('redeem-amount').fill(String(yen));
    await this.at('redeem-submit').click();
    await this.at('outcome-done').waitFor();
  }

  /** Changes a coin of 1,024 for others, and gives the balance after that. */
  async change() {
    await this.go('/change');
    await this.at('coins-512').fill('2');
    await this.at('coins-512').press('Tab');
    await this.at('change-submit').click();
    await this.at('outcome-done').waitFor();
    await this.go('/');
    await this.at('balance-JPY').waitFor();
    return this.balance();
  }

  /** The balance on the wallet's first page, in minor units. */
  async balance(code = 'JPY') {
    return Number(await this.at(`balance-${code}`).getAttribute('data-minor'));
  }

  balanceIs(minor, code = 'JPY', options) {
    return eventuallyIs(`a balance of ${minor}`, () => this.balance(code), minor, options);
  }

  /** Waits until the bank says that so much is in the account; the withdrawal page asks it. */
  async accountIs(yen) {
    await this.go('/withdraw');
    await eventuallyIs('the balance at the bank', async () =>
      Number((await this.at('account-balance').textContent()).replace(/[^\d]/g, '')), yen);
  }

  /** What the invoice on the page says: payee, minor units, purpose. */
  async invoice() {
    await this.at('pay-confirm').waitFor();
    return {
      payee: await this.at('invoice-payee').textContent(),
      minor: Number(await this.at('invoice-amount').getAttribute('data-minor')),
      purpose: await this.at('invoice-purpose').textContent(),
    };
  }

  /** One click; then the receipt is there. */
  async confirm() {
    await this.at('pay-confirm').click();
    await this.at('pay-done').waitFor();
    await this.at('receipt').waitFor();
  }

  /** Opens an invoice by its address. */
  openInvoice(address) {
    return this.go(`/pay?invoice=${address}`);
  }

  /** The lines of the activity page, newest first. */
  async activity() {
    await this.go('/activity');
    await this.at('activity-item').first().waitFor();
    return this.at('activity-item').evaluateAll((lines) => lines.map((line) => ({
      kind: line.dataset.kind.replace('kind-', ''),
      state: line.dataset.state,
      path: line.getAttribute('href'),
    })));
  }

  /** Waits until nothing is under way. */
  async settled(options) {
    await this.go('/activity');
    await eventually('nothing is under way', async () => {
      await this.at('activity-item').first().waitFor();
      return await this.page.locator('[data-testid=activity-item][data-state=open]').count() === 0;
    }, options);
  }

  /** The stable name of the problem shown. */
  async problem() {
    await this.at('problem').first().waitFor();
    return this.at('problem').first().getAttribute('data-code');
  }

  /** Whether a form can be sent as it is. */
  async refuses(submit) {
    assert.equal(await this.at(submit).isDisabled(), true, `${submit} is disabled`);
  }
}
