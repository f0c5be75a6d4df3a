// Announcements of administrators above the view, on every page with the chat's connection. The newest is on top.
import { make, icon } from './dom.js';
import { t } from './i18n.js';
import { fullTime } from './times.js';

/** The server sends what is still open right after `welcome`; what was not sent again by then has ended meanwhile. */
const SENT_AGAIN_MS = 2000;
const region = make('div', { class: 'announcements', role: 'region', 'aria-label': t('announcement.region'), 'aria-live': 'polite' });
/** Ids that were acknowledged here: the line may have broken before the server heard of it. */
const acknowledged = new Set();
let timer = 0;

const find = (id) => [...region.children].find((one) => one.dataset.id === id);

function remove(id) {
  const box = find(id);
  if (!box) return;
  const hadFocus = box.contains(document.activeElement);
  const next = box.nextElementSibling ?? box.previousElementSibling;
  box.remove();
  if (!hadFocus) return;
  const place = next?.querySelector('button') ?? document.querySelector('main h1') ?? document.querySelector('main');
  if (!place.matches('button')) place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

function show({ id, by, text, at, acknowledge }, answer) {
  delete find(id)?.dataset.stale;
  if (find(id)) return;
  const button = acknowledge
    ? make('button', { type: 'button', class: 'primary' }, t('announcement.acknowledge'))
    : make('button', { type: 'button', class: 'quiet icon-button', 'aria-label': t('announcement.close', { user: by }) }, icon('close'));
  button.addEventListener('click', () => {
    acknowledged.add(id);
    answer(id);
    remove(id);
  });
  region.prepend(make(
    'article',
    { class: 'announcement', 'data-id': id },
    make('div', {}, make('p', { class: 'announcement-text' }, text), make('p', { class: 'small muted' }, t('announcement.from', { user: by, time: fullTime(at) }))),
    button,
  ));
}

/** Reads a frame of the chat's connection; `notify` sends one. */
export function hearAnnouncement(frame, notify) {
  const answer = (id) => notify({ type: 'acknowledge', id });
  if (frame.type === 'announcement') {
    if (acknowledged.has(frame.id)) answer(frame.id);
    else show(frame, answer);
  } else if (frame.type === 'acknowledged' || frame.type === 'announcement_ended') remove(frame.id);
  else if (frame.type === 'welcome') {
    for (const one of region.children) one.dataset.stale = '';
    clearTimeout(timer);
    timer = setTimeout(() => { for (const one of region.querySelectorAll('[data-stale]')) remove(one.dataset.id); }, SENT_AGAIN_MS);
  }
}

document.querySelector('main').before(region);
