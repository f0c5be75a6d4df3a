// The list of group rooms, as the start page and the chat's lobby show it.
import { make, showSkeleton } from './dom.js';
import { errorText, t } from './i18n.js';
import { call } from './api.js';

const REFRESH_MS = 15000;

function entry({ room, kind, label, members }, joined) {
  const meta = `${t(`kind.${kind}`)} · ${t(joined ? 'rooms.in' : 'people', { n: members })}`;
  return make('li', {}, make('a', { class: 'room-row', href: `/chat#sala=${encodeURIComponent(room)}`, 'data-room': room },
    make('strong', { translate: 'no' }, room), label ? make('span', { class: 'room-label', dir: 'auto' }, label) : null, make('span', { class: 'muted small' }, meta)));
}

/** Keeps `box` showing the rooms while the page is seen; `isIn(code)` marks one's own; `signal` ends it. Returns what refreshes it now. */
export function watchRooms(box, { isIn = () => false, withButton = false, signal } = {}) {
  let shown = null;
  const endWait = showSkeleton(box);

  function draw(rooms) {
    const key = JSON.stringify([rooms, rooms.map((r) => isIn(r.room))]);
    if (key === shown) return;
    shown = key;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.room : null;
    if (rooms.length) {
      box.replaceChildren(make('ul', { class: 'room-list' }, ...rooms.map((r) => entry(r, isIn(r.room)))));
      if (focused) [...box.querySelectorAll('a')].find((a) => a.dataset.room === focused)?.focus();
    } else {
      box.replaceChildren(make('div', { class: 'empty' }, make('p', {}, t('rooms.none')), withButton ? make('a', { class: 'button', href: '/chat#crear' }, t('rooms.create')) : null));
    }
  }

  async function refresh() {
    try {
      const rooms = await call('GET', '/api/rooms');
      endWait();
      draw(rooms);
    } catch (error) {
      endWait();
      if (shown !== null) return; // the old list stays; the next round tries again
      box.replaceChildren(make('p', { class: 'empty' }, errorText(error)));
    }
  }

  // A view that is kept for later shows nothing meanwhile.
  const look = () => { if (!document.hidden && box.isConnected) refresh(); };
  const timer = setInterval(look, REFRESH_MS);
  document.addEventListener('visibilitychange', look, { signal });
  signal?.addEventListener('abort', () => {
    clearInterval(timer);
    endWait();
  });
  refresh();
  return refresh;
}
