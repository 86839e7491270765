// The issuer's public figures: coins in circulation against reserves at the banks (VC-10).
import assert from 'node:assert/strict';

import { eventually, origins } from './world.mjs';

/** The issuer's totals now. */
export async function audit() {
  const answer = await fetch(`${origins.issuer}/audit`);
  assert.equal(answer.status, 200);
  return answer.json();
}

/** One currency's totals. */
export async function figures(code = 'JPY') {
  const { currencies } = await audit();
  return currencies.find((it) => it.code === code);
}

export const reserves = (it) => it.reserves.reduce((sum, { minor }) => sum + minor, 0);

/** Waits until nothing is in flight, and finds every currency's two sides equal. */
export async function assertBalanced() {
  await eventually('coins and reserves are equal', async () => {
    const { steady, currencies } = await audit();
    assert.ok(steady, 'figures of one moment');
    for (const it of currencies) {
      assert.equal(it.consistent, true, `${it.code} is consistent`);
      const flows = [it.settling, it.owed, it.debiting, it.transit];
      assert.deepEqual(flows, [0, 0, 0, 0], `${it.code} is at rest`);
      assert.equal(it.coins + it.held + it.cards, reserves(it), `${it.code}: money and reserves`);
    }
    return currencies.length > 0;
  });
}
