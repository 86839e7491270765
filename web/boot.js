// Starts the wallet: looks before the first paint, then the program, then the service worker.
// Everything is a file of this origin, so that the page needs no inline script.
'use strict';
{
  const root = document.documentElement;
  const saved = (key) => {
    try { return localStorage.getItem(key); } catch { return null; }
  };
  // The same keys as src/prefs.rs.
  root.dataset.theme = saved('koban.theme') ?? 'system';
  const language = saved('koban.language')
    ?? navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === 'en' || tag === 'ja')
    ?? 'en';
  root.lang = language;

  // The build writes the program's two files here, named by their content.
  const app = document.querySelector('meta[name="koban-app"]');
  const { js, wasm } = app.dataset;

  const failed = (fault) => {
    const text = language === 'ja'
      ? 'ウォレットを読み込めませんでした。ページを再読み込みしてください。お金はそのまま残っています。'
      : 'The wallet could not be loaded. Please reload the page. Your money is where it was.';
    const place = document.getElementById('splash') ?? document.body;
    place.replaceChildren(Object.assign(document.createElement('p'), { textContent: text }));
    console.error(fault);
  };
  const start = () => import(js).then((module) => module.default({ module_or_path: wasm })).catch(failed);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();

  // A page never mixes versions: it goes on as it is until the holder asks for the new one.
  const announce = ({ data }) => {
    if (data?.type !== 'shell' || data.files.includes(js)) return;
    root.dataset.update = 'ready';
    dispatchEvent(new Event('koban-update'));
  };
  if ('serviceWorker' in navigator) {
    navigator.serviceWorker.addEventListener('message', announce);
    addEventListener('load', async () => {
      try { await navigator.serviceWorker.register('/sw.js'); } catch (fault) { console.warn(fault); }
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') {
        navigator.serviceWorker.controller?.postMessage({ type: 'check' });
      }
    });
  }
}
