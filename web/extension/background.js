// Keeps the rule in step with the chosen wallet. Dynamic rules outlive the browser's restart; they
// are put anew on installation and update, and whenever the choice changes.
import { apply, savedWallet } from './rule.js';

const refresh = async () => apply(await savedWallet());

chrome.runtime.onInstalled.addListener(refresh);
chrome.storage.onChanged.addListener(refresh);
