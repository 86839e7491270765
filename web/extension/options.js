import { savedWallet, walletOrigin } from './rule.js';

const message = (name) => chrome.i18n.getMessage(name);
const form = document.getElementById('form');
const state = document.getElementById('state');

document.documentElement.lang = chrome.i18n.getUILanguage();
for (const element of document.querySelectorAll('[data-message]')) {
  element.textContent = message(element.dataset.message);
}
form.wallet.value = await savedWallet();

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const wallet = walletOrigin(form.wallet.value.trim());
  form.wallet.setAttribute('aria-invalid', String(!wallet));
  if (wallet) {
    await chrome.storage.local.set({ wallet });
    form.wallet.value = wallet;
  }
  state.textContent = message(wallet ? 'saved' : 'invalid');
});
