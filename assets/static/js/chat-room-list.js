// The rooms that a person is in, as tabs: arrows move, badges count unread messages.
import { byId, cutInTheMiddle, make } from './dom.js';
import { t } from './i18n.js';

/** The badge stays small in a room that was left alone for a day. */
const MAX_BADGE = 99;
/** Kept free beside the open room in a strip that scrolls. */
const EDGE_PX = 16;

function fill(tab, room, selected) {
  const facts = room.people ? `${t(`kind.${room.kind}`)} · ${t('people', { n: room.people })}` : t(`kind.${room.kind}`);
  const sub = room.state === 'lost' ? t('chat.lost_tab') : room.label || facts;
  const count = room.unread > MAX_BADGE ? `${MAX_BADGE}+` : room.unread;
  const isMentioned = room.mentions.length > 0;
  const badge = room.unread === 0 ? null : make('span', { class: 'badge' },
    make('span', { 'aria-hidden': 'true' }, isMentioned ? `@ ${count}` : count),
    make('span', { class: 'visually-hidden' }, isMentioned ? `${t('mention.of_you')} · ` : '', t('chat.unread', { n: room.unread })));
  tab.replaceChildren(make('span', { class: 'tab-code cut', translate: 'no', title: room.code }, ...cutInTheMiddle(room.code)), make('small', { dir: 'auto' }, sub), ...(badge ? [badge] : []));
  tab.setAttribute('aria-selected', String(selected));
  tab.tabIndex = selected ? 0 : -1;
  tab.dataset.state = room.state;
}

/** Returns `draw(rooms, current)`; `onselect(code)` is called when a person picks one. */
export function roomList(onselect) {
  const list = byId('tabs');
  const known = new Map();
  const strip = list.parentElement;

  /** Scrolls a phone's strip of rooms to the open one. */
  function revealSelected() {
    const tab = list.querySelector('[aria-selected=true]')?.getBoundingClientRect();
    const { left, right } = strip.getBoundingClientRect();
    if (tab && (tab.left < left || tab.right > right)) strip.scrollLeft += tab.left - left - EDGE_PX;
  }
  new ResizeObserver(revealSelected).observe(strip);

  list.addEventListener('click', (event) => {
    const tab = event.target.closest('[role=tab]');
    if (tab) onselect(tab.dataset.room);
  });
  list.addEventListener('keydown', (event) => {
    const all = [...known.values()];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    onselect(next.dataset.room);
    next.focus();
  });

  let selected = null;

  return function draw(rooms, current) {
    strip.hidden = rooms.length === 0;
    for (const [key, tab] of known) {
      if (!rooms.some((room) => room.key === key)) {
        tab.remove();
        known.delete(key);
      }
    }
    for (const room of rooms) {
      let tab = known.get(room.key);
      if (!tab) {
        tab = make('button', { type: 'button', class: 'tab', role: 'tab', id: `tab-${room.key}`, 'aria-controls': 'panel', 'data-room': room.code });
        known.set(room.key, tab);
        list.append(tab);
      }
      fill(tab, room, room === current);
    }
    // With no room open the first tab is still reachable by keyboard.
    if (!current && known.size) known.values().next().value.tabIndex = 0;
    if (current !== selected) revealSelected();
    selected = current;
  };
}
