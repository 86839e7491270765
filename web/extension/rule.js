// The one rule of this extension: a page that turns out to be an invoice is opened in the wallet.
// The browser applies it by itself; the extension never sees a page, a request or an answer.

export const DEFAULT_WALLET = 'http://localhost:8700';
const TYPE = 'application/vnd.koban.invoice+cbor';
const RULE_ID = 1;

/** The wallet's origin, from what a person typed; undefined if that is no http or https address. */
export function walletOrigin(text) {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return ['http:', 'https:'].includes(url.protocol) ? url.origin : undefined;
}

/** The wallet this extension opens. */
export async function savedWallet() {
  const { wallet } = await chrome.storage.local.get({ wallet: DEFAULT_WALLET });
  return walletOrigin(wallet) ?? DEFAULT_WALLET;
}

/**
 * Puts the rule for this wallet in place of the one before. It looks at the answer's type alone,
 * so status 200 and 402 are treated alike. A rule cannot encode the address it passes on: the
 * wallet takes everything after `invoice=` as it is.
 */
export async function apply(wallet) {
  await chrome.declarativeNetRequest.updateDynamicRules({
    removeRuleIds: [RULE_ID],
    addRules: [{
      id: RULE_ID,
      condition: {
        resourceTypes: ['main_frame'],
        regexFilter: '^(https?://.*)$',
        responseHeaders: [{ header: 'content-type', values: [TYPE, `${TYPE};*`] }],
      },
      action: { type: 'redirect', redirect: { regexSubstitution: `${wallet}/pay?invoice=\\1` } },
    }],
  });
}
