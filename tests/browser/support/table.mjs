// Cards on a table, made before the edge's own originator, for pages of the wallet.
import { Cards } from './cards.mjs';
import { origins } from './world.mjs';

/** Has a story told with cards; `names` has each one's class, `options` are those of `Cards`. */
export async function withCards(names, options, tell) {
  const { wallet: grantedTo, originator } = origins;
  const cards = await Cards.open(names, { grantedTo, originator, ...options });
  try {
    await tell(cards);
  } finally {
    await cards.close();
  }
}
