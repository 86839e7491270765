// The browser's side of the virtual card's tests: a program for its worker, and its database.

// A worker's program: the tests' own wasm, from which the worker takes the virtual card. `first` is
// what the worker does before.
export function program(first) {
  const folder = new URL('.', document.baseURI).href;
  const code = `${first};
    import('${folder}wasm-bindgen-test.js').then(async (tests) => {
      await tests.default({ module_or_path: '${folder}wasm-bindgen-test_bg.wasm' });
      tests.serveVirtualCard();
    });`;
  return URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
}

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

export const forget = (name) => done(indexedDB.deleteDatabase(name));

async function inStore(name, mode, work) {
  const database = await done(indexedDB.open(name));
  const result = await work(database.transaction('slot', mode).objectStore('slot'));
  database.close();
  return result;
}

export const rows = (name) => inStore(name, 'readonly', async (store) => {
  const [keys, values] = [await done(store.getAllKeys()), await done(store.getAll())];
  return keys.map((key, i) => [key, values[i]]);
});

export const putBack = (name, rows) => inStore(name, 'readwrite', async (store) => {
  await done(store.clear());
  for (const [key, value] of rows) await done(store.put(value, key));
});
