// Cards on the wallet's pages, as a person uses them.
import { eventually, eventuallyIs, picture } from './world.mjs';
import { WalletPage } from './wallet.mjs';

export class CardWallet extends WalletPage {
  /** A tab at a new wallet with coins in it. */
  static async withCoins(person, yen = 5000) {
    const wallet = await WalletPage.withCoins(person, yen);
    return new CardWallet(wallet.page);
  }

  /** The card page, with the card that is in the reader. */
  async toCard() {
    await this.go('/card');
    await this.at('card-standing').first().waitFor();
  }

  /** What the page says the card is: a message's key. */
  standing() {
    return this.at('card-standing').first().getAttribute('data-key');
  }

  /** What is on the card, minor units. */
  async onCard(code = 'JPY') {
    return Number(await this.at(`card-balance-${code}`).first().getAttribute('data-minor'));
  }

  onCardIs(minor) {
    return eventuallyIs(`${minor} on the card`, () => this.onCard(), minor);
  }

  /** Opens a part of the first card that is folded away, unless it has opened by itself. */
  unfold(id) {
    return unfold(this.at(`${id}-fold`).first());
  }

  /** Waits until no card is at work. */
  async atRest() {
    await eventually('the cards are at rest', async () =>
      await this.page.locator('progress.works:not([hidden])').count() === 0);
  }

  /** Makes the virtual card of this browser. */
  async makeVirtualCard() {
    await this.go('/card');
    await this.at('card-virtual').click();
    await this.at('card-make').click();
    await eventuallyIs('it is virtual', () => this.standing(), 'card-genuine-virtual');
    await this.atRest();
  }

  async setPin(pin) {
    await this.unfold('card-pin');
    await this.at('card-pin-new').first().fill(pin);
    await this.at('card-pin-submit').first().click();
    await this.at('card-lock').first().waitFor();
  }

  async showPin(pin) {
    await this.unfold('card-pin');
    await this.at('card-pin-old').first().fill(pin);
    await this.at('card-pin-submit').first().click();
  }

  /** Asks for a move of money: `load`, `unload` or `ask`. */
  async move(way, yen) {
    await this.at(`card-way-${way}`).first().check();
    await this.at('card-amount').first().fill(String(yen));
    await this.at('card-move-submit').first().click();
  }

  async moved() {
    await this.page.locator('[data-testid=card-moved][data-state=Done]').waitFor();
  }

  /** The message for another card that is on the page. */
  async message() {
    await this.at('card-message-text').first().waitFor();
    return this.at('card-message-text').first().inputValue();
  }

  /** Gives the card a message of another. */
  async letter(text) {
    await this.unfold('card-gift');
    await this.at('card-letter-text').first().fill(text);
    await this.at('card-letter').first().waitFor();
    await this.at('card-letter-submit').first().click();
  }

  /** Gives the card the message in the link that the page was opened by. */
  async openLink(link) {
    await this.page.goto('about:blank');
    await this.page.goto(link);
    await this.at('card-letter').first().waitFor();
    await this.at('card-letter-submit').first().click();
  }

  /** The link for the other card that is on the page. */
  async link() {
    await this.at('qr').first().waitFor();
    return this.at('card-message-link').first().evaluate((link) => link.href);
  }

  /** Waits until a person who looks at the page reads this. */
  async says(sentence) {
    await this.page.getByText(sentence).first().waitFor();
  }

  /** Has the card say again what it is. */
  async lookAgain() {
    await this.at('card-look').first().click();
  }

  /** Tells the originator the card's log. */
  async report() {
    await this.unfold('card-log');
    await this.at('card-report').first().click();
  }

  async picture(name) {
    await this.page.screenshot({ path: picture(name), fullPage: true });
  }
}

/** Opens what is folded away, unless it is open. */
export async function unfold(fold) {
  if (!await fold.evaluate((it) => it.open)) await fold.locator('summary').first().click();
}
