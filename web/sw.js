// Keeps the wallet's shell for times without a network. It touches no money: that is in IndexedDB.
//
// A shell is index.html and every file it names. The names contain hashes of their contents, so a
// shell is of one version by construction; it is kept whole, in a cache of its own, or not at all.
'use strict';

const SHELL = 'koban-shell-';
const NEWEST = 'koban-newest';
const CONFIG_PATH = '/config.json';
/** Files that are no part of a shell, kept since they were last asked for. */
const NEWEST_PATHS = /^\/(config\.json|koban-virtual-card[\w.]*)$/;
/** How long a navigation waits for the network before the kept shell answers, in milliseconds. */
const PATIENCE = 4000;

self.addEventListener('install', (event) => {
  const whole = Promise.all([fetchIndex().then(keep), fetchNewest(CONFIG_PATH)]);
  event.waitUntil(whole.then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  if (event.data?.type === 'check') {
    event.waitUntil(fetchIndex().then(keep).catch(() => {}));
  }
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') event.respondWith(page(event));
  else if (NEWEST_PATHS.test(url.pathname)) event.respondWith(newest(url.pathname));
  else event.respondWith(file(request));
});

const isPage = (answer) =>
  answer.ok && (answer.headers.get('content-type') ?? '').startsWith('text/html');

async function fetchIndex() {
  const answer = await fetch('/', { cache: 'no-store' });
  if (!isPage(answer)) throw new Error(`index.html: HTTP ${answer.status}`);
  return answer;
}

/** Network first; the kept shell when the network is gone, slow or broken. */
async function page(event) {
  const fresh = fetch(event.request, { signal: AbortSignal.timeout(PATIENCE) });
  try {
    const answer = await fresh;
    if (isPage(answer)) {
      event.waitUntil(keep(answer.clone()).catch(() => {}));
      return answer;
    }
    return (await kept()) ?? answer;
  } catch (fault) {
    const answer = await kept();
    if (answer) return answer;
    throw fault;
  }
}

/** The newest answer for a path, kept for when there is no network. */
async function fetchNewest(path) {
  const answer = await fetch(path);
  if (!answer.ok) return answer;
  await (await caches.open(NEWEST)).put(path, answer.clone());
  return answer;
}

async function newest(path) {
  try {
    return await fetchNewest(path);
  } catch (fault) {
    const answer = await (await caches.open(NEWEST)).match(path);
    if (answer) return answer;
    throw fault;
  }
}

async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}

const shells = async () => (await caches.keys()).filter((name) => name.startsWith(SHELL));

/** The kept shell's index.html. It is put into its cache last, so a cache that has it is whole. */
async function kept() {
  for (const name of await shells()) {
    const answer = await (await caches.open(name)).match('/');
    if (answer) return answer;
  }
  return undefined;
}

/** Keeps the shell of this index.html, forgets older ones, and tells every page which is kept. */
async function keep(index) {
  const html = await index.clone().text();
  const files = [...html.matchAll(/(?:href|src|data-js|data-wasm)="(\/[^"/][^"]*)"/g)]
    .map((match) => match[1]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(html));
  const name = SHELL + [...new Uint8Array(digest)].slice(0, 8)
    .map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const cache = await caches.open(name);
  if (!(await cache.match('/'))) {
    await Promise.all([...new Set(files)].map((path) => store(cache, path)));
    await cache.put('/', index);
  }
  const older = (await shells()).filter((other) => other !== name);
  await Promise.all(older.map((other) => caches.delete(other)));
  const pages = await self.clients.matchAll({ type: 'window' });
  pages.forEach((client) => client.postMessage({ type: 'shell', files }));
}

/** Stores a file of the shell. The server answers unknown paths with a page: that is no file. */
async function store(cache, path) {
  const answer = await fetch(path, { cache: 'no-cache' });
  if (!answer.ok || isPage(answer)) throw new Error(`${path}: HTTP ${answer.status}`);
  await cache.put(path, answer);
}
