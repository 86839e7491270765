// What every page owes its reader: contrast, names, order, and no scrolling sideways.
import assert from 'node:assert/strict';

import { axe, eventually } from './world.mjs';

/** How serious a finding of axe-core may be at most. */
const TOLERATED = ['minor'];

/** Finds nothing that keeps anybody from reading or using the page. */
export async function assertAccessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    resultTypes: ['violations'],
  }));
  const serious = violations.filter(({ impact }) => !TOLERATED.includes(impact));
  const told = serious.map(({ id, impact, nodes }) => ({
    id, impact, nodes: nodes.slice(0, 3).map(({ html, any }) => [html, any[0]?.message]),
  }));
  assert.deepEqual(told, [], where);
  const twice = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  });
  assert.deepEqual(twice, [], `${where}: an id is one element's`);
}

/** The page is no wider than the screen. */
export async function assertNoSidewaysScroll(page, where) {
  const [wide, screen] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= screen, `${where} is ${wide} wide on a screen of ${screen}`);
}

/** Waits until the page has come to rest: its heading is there, nothing is being fetched. */
export async function atRest(page) {
  await page.locator('h1').first().waitFor();
  await eventually('the page is at rest', async () => await page.locator('.wait').count() === 0);
  if (new URL(page.url()).pathname === '/audit') await page.getByTestId('audit-row').first().waitFor();
  await page.evaluate(() => document.fonts.ready.then(() => true));
}

/** Presses Tab until the element has the focus, which must be visible; gives how often. */
export async function tabTo(page, element, most = 60) {
  for (let presses = 1; presses <= most; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await element.evaluate((it) => it === document.activeElement);
    if (focused) {
      const mark = await element.evaluate((it) => {
        const { outlineStyle, boxShadow } = getComputedStyle(it);
        return outlineStyle !== 'none' || boxShadow !== 'none';
      });
      assert.ok(mark, `the focus on ${element} can be seen`);
      return presses;
    }
  }
  throw new Error(`Tab does not reach ${element}`);
}
