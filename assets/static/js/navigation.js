// Moves between the views of one document, so that the chat and its socket live on. A link to a view fetches that page and puts its
// <main> in the place of the present one. Whatever is not as expected becomes a real navigation. Each page also works alone.
import { facts } from './api.js';
import { chat } from './chat-service.js';
import { byId, keptMains, make } from './dom.js';
import { clear } from './notice.js';
import { addReveals } from './page.js';
import { setTitle } from './unread.js';
import './viewport.js';

/** Scripts of this build; a page of another build is loaded anew. */
const SCRIPTS = new URL('.', import.meta.url).pathname;
const PATIENCE_MS = 8000;
const BUSY_AFTER_MS = 300;
/** Screen readers have taken up an announcement by then; later it is only in the way. */
const ANNOUNCED_MS = 3000;

/** Modules of the views by their path. Each exports `mount(main)`, which returns `unmount()`; this returns true if its `main` is to be
 * kept for the next time. A view with addresses of its own also exports `follow()`, for a move within it, and `revisit()`, for a link
 * to itself. */
let views = {};
/** The view on the screen: { path, main, title, body, module, unmount }. */
let shown = null;
const kept = new Map();
let turn = new AbortController();
/** Scroll position of each entry of the history, by its key. */
const scrolled = new Map();
let entry = history.state?.key;
let entries = 0;
const announcer = make('p', { class: 'visually-hidden', role: 'status' });

/** Adds an entry to the history; `state` is the view's own. */
export function pushAddress(address, state = {}) {
  scrolled.set(entry, scrollY);
  history.scrollRestoration = 'manual';
  entries += 1;
  entry = `${performance.timeOrigin}-${entries}`;
  history.pushState({ ...state, key: entry }, '', address);
}

export function replaceAddress(address, state = {}) {
  history.replaceState({ ...state, key: entry }, '', address);
}

/** Opens a view as a link to it does. */
export const visit = (path) => go(new URL(path, location.href), true);

/** Loads a style sheet of a view, unless it is there. */
function style(href) {
  if ([...document.querySelectorAll('link[rel=stylesheet]')].some((one) => one.getAttribute('href') === href)) return null;
  const link = make('link', { rel: 'stylesheet', href });
  const loaded = new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = reject;
  });
  document.head.append(link);
  return loaded;
}

/** Fetches a page as a view; null if it is none of this document's kind. */
async function load(url, signal) {
  const answer = await fetch(url.pathname + url.search, { headers: { Accept: 'text/html' }, signal });
  if (!answer.ok || answer.redirected || !answer.headers.get('Content-Type')?.startsWith('text/html')) return null;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const main = page.querySelector('main');
  const script = page.querySelector('script[type=module]')?.getAttribute('src');
  const alike = page.documentElement.lang === document.documentElement.lang && script?.startsWith(SCRIPTS) && page.querySelector('.main-nav');
  // Another person may have signed in in another tab.
  if (!main || !alike || facts(page).session.username !== facts().session.username) return null;
  byId('facts').value = page.getElementById('facts').value;
  const sheets = [...page.querySelectorAll('head > link[rel=stylesheet]')].map((one) => style(one.getAttribute('href')));
  await Promise.all(sheets);
  for (const one of main.querySelectorAll('noscript')) one.remove();
  return { path: url.pathname, main: document.adoptNode(main), title: page.title, body: page.body.className, module: views[url.pathname] };
}

/** Marks the entry of the navigation that the view belongs to. */
function markSection(path) {
  const section = path === '/subir' ? '/listar' : path;
  for (const link of document.querySelectorAll('.main-nav a, .person')) {
    if (link.getAttribute('href') === section) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function show(view) {
  const { main } = shown;
  clear();
  keptMains.delete(view.main);
  if (shown.unmount?.()) {
    kept.set(shown.path, shown);
    keptMains.add(main);
  } else kept.delete(shown.path);
  main.removeAttribute('aria-busy');
  main.replaceWith(view.main);
  document.body.className = view.body;
  markSection(view.path);
  setTitle(view.title);
  shown = view;
  if (!kept.has(view.path)) addReveals(view.main);
  shown.unmount = view.module.mount(view.main);
  if (!view.main.contains(document.activeElement)) {
    const heading = view.main.querySelector('h1') ?? view.main;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  announcer.textContent = view.title;
  setTimeout(() => { announcer.textContent = ''; }, ANNOUNCED_MS);
}

/** Shows the view of an address; `fresh` is false where the history leads there. */
async function go(url, fresh) {
  turn.abort();
  const own = new AbortController();
  turn = own;
  const busy = setTimeout(() => shown.main.setAttribute('aria-busy', 'true'), BUSY_AFTER_MS);
  const late = setTimeout(() => own.abort(), PATIENCE_MS);
  const view = kept.get(url.pathname) ?? await load(url, own.signal).catch(() => null);
  clearTimeout(busy);
  clearTimeout(late);
  // Another link was followed meanwhile.
  if (turn !== own) return;
  if (!view) {
    if (fresh) location.assign(url);
    else location.reload();
    return;
  }
  if (fresh && url.href !== location.href) pushAddress(url);
  show(view);
  scrollTo(0, fresh ? 0 : scrolled.get(entry) ?? 0);
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.('a[href]');
  if (!link || !shown || (link.target && link.target !== '_self') || link.hasAttribute('download')) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !Object.hasOwn(views, url.pathname)) return;
  const here = url.pathname === shown.path;
  // A place on this page is the browser's to find.
  if (here && url.hash) return;
  event.preventDefault();
  if (here && shown.module.revisit) shown.module.revisit();
  else go(url, true);
});

addEventListener('popstate', () => {
  if (!shown) return;
  turn.abort();
  turn = new AbortController();
  shown.main.removeAttribute('aria-busy');
  scrolled.set(entry, scrollY);
  entry = history.state?.key;
  if (location.pathname === shown.path) shown.module.follow?.();
  else if (Object.hasOwn(views, location.pathname)) go(new URL(location.href), false);
  else location.reload();
});

// A reload finds its place by the browser's own means.
addEventListener('pagehide', () => { history.scrollRestoration = 'auto'; });

/** Starts the chat once what the page itself shows is there. */
function startChat() {
  if ('requestIdleCallback' in window) requestIdleCallback(() => chat(), { timeout: 1000 });
  else setTimeout(chat, 200);
}

/** Shows the view of this address. */
export function begin(all) {
  const path = location.pathname;
  if (!Object.hasOwn(all, path)) return;
  views = all;
  document.body.append(announcer);
  const main = document.querySelector('main');
  shown = { path, main, title: document.title, body: document.body.className, module: views[path], unmount: null };
  shown.unmount = shown.module.mount(main);
  startChat();
}
