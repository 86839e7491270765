// The demo shop's pages as a customer and as the owner use them.
import { origins } from './world.mjs';

export const NAME = 'Inkstone';
/** The goods: name in addresses, name for people, price in yen, media type. */
export const PICTURE = {
  slug: 'ferry-at-first-light', name: 'Ferry at First Light', yen: 370, media: 'image/svg+xml',
};
export const STORY = {
  slug: 'the-clockmakers-change', name: "The Clockmaker's Change", yen: 120,
  media: 'text/plain; charset=utf-8',
};
export const SOUND = {
  slug: 'evening-strings', name: 'Evening Strings', yen: 240, media: 'audio/wav',
};

const PASSWORD = 'owner';

export class ShopPage {
  constructor(page) {
    this.page = page;
  }

  async open() {
    await this.page.goto(`${origins.shop}/`);
  }

  /** Orders a good, from its card; then the page is the order's. */
  async order({ slug }) {
    await this.open();
    await this.page.locator(`form[action="/buy/${slug}"] button`).click();
    await this.page.waitForURL(/\/orders\/[0-9a-f]{32}$/);
    return this.page.url();
  }

  /** The plain link to the wallet's page. */
  plainLink() {
    return this.page.locator('a.button[href*="/pay?invoice="]');
  }

  /** One of the links behind "other ways to pay". */
  async otherWay(start) {
    await this.page.locator('main details summary').click();
    return this.page.locator(`.doors a[href^="${start}"]`);
  }

  /** The link to `web+koban:`. */
  handlerLink() {
    return this.otherWay('web+koban:');
  }

  /** The link to the invoice document itself, answered with status 402. */
  documentLink() {
    return this.otherWay('/orders/');
  }

  /** The link that saves the file, which is there once it is paid. */
  download() {
    return this.page.locator('a[download]');
  }

  async signIn() {
    await this.page.goto(`${origins.shop}/owner`);
    await this.page.locator('input[type=password]').fill(PASSWORD);
    await this.page.locator('form[action="/owner/login"] button').click();
    await this.page.locator('form[action="/owner/settings"]').waitFor();
  }

  /** Chooses how payments are taken: `refresh`, `redeem` or `aggregate`. */
  async take(way) {
    await this.page.goto(`${origins.shop}/owner`);
    await this.page.locator(`input[name=take][value=${way}]`).check();
    await this.page.locator('form[action="/owner/settings"] button').click();
    await this.page.locator(`input[name=take][value=${way}][checked]`).waitFor();
  }

  /** The shop's money in yen: fresh coins, value kept, bank account, all sales. */
  async takings() {
    await this.page.goto(`${origins.shop}/owner`);
    const figures = await this.page.locator('dl.takings').first().locator('dd').allTextContents();
    const [fresh, held, account, received] = figures.map((text) =>
      Number(text.match(/¥([\d,]+)(?= |$)/)?.[1].replaceAll(',', '')));
    return { fresh, held, account, received };
  }

  /** The sales, newest first: what and how it was taken. */
  async sales() {
    await this.page.goto(`${origins.shop}/owner`);
    return this.page.locator('table tbody tr').evaluateAll((rows) => rows.map((row) => {
      const [, what, amount, taken] = [...row.cells].map((cell) => cell.textContent.trim());
      return { what, amount, taken };
    }));
  }

  async redeemEverything() {
    await this.page.goto(`${origins.shop}/owner`);
    await this.page.locator('form[action="/owner/redeem"] button').first().click();
    await this.page.waitForURL(`${origins.shop}/owner`);
  }
}
