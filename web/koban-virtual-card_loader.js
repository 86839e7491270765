// Starts the virtual card: the whole of its worker's program.
'use strict';
importScripts('/koban-virtual-card.js');
wasm_bindgen({ module_or_path: '/koban-virtual-card_bg.wasm' })
  // the page hears of an error, not of a promise
  .catch((fault) => setTimeout(() => { throw fault; }));
