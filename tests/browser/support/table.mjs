// Cards on a table, made before the edge's own originator, for pages of the wallet.
import { Cards } from './cards.mjs';
import { origins } from './world.mjs';

/** Has a story told with cards; `names` has each one's class. */
export async function withCards(names, tell, options) {
  const cards = await Cards.open(names, {
    grantedTo: origins.wallet, originator: origins.originator, ...options,
  });
  try {
    await tell(cards);
  } finally {
    await cards.close();
  }
}
