// Storage of a person's chat in this browser: rooms, drafts, favourites and recent emoji for every tab, the open room and unsent
// texts for this one. Never a password, and no message that was sent. Signing out removes all but favourites and emoji.
import { CHAT_KEYS, FORGOTTEN_KEY } from './page.js';

const DRAFT_DAYS = 7;
const DRAFT_MS = DRAFT_DAYS * 24 * 60 * 60 * 1000;
/** Bounds of what is kept: 16 drafts of 4,000 characters are 125 KiB of the 5 MiB that browsers give. */
const MAX_DRAFTS = 16;
const MAX_DRAFT_CHARS = 4000;
const MAX_UNSENT = 20;
const MAX_FAVOURITES = 32;
const MAX_RECENT_EMOJI = 16;
const MAX_EMOJI_UNITS = 16;

function load(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? {};
  } catch {
    return {}; // Not ours, or no storage at all.
  }
}

/** Signed out, here or in another tab: what this page still knows is not kept. */
let closed = false;
addEventListener('submit', (event) => { closed ||= event.target.getAttribute('action') === '/logout'; });
addEventListener('storage', (event) => { closed ||= event.key === FORGOTTEN_KEY; });
addEventListener('pageshow', () => { closed = false; });

function save(storage, key, value) {
  if (closed) return;
  try {
    if (value && Object.keys(value).length) storage.setItem(key, JSON.stringify(value));
    else storage.removeItem(key);
  } catch {
    // Full or forbidden: a reload forgets, nothing else is lost.
  }
}

const isText = (value) => typeof value === 'string';
const asList = (value) => (Array.isArray(value) ? value : []);

export class Storage {
  #user;

  constructor(user) {
    this.#user = user;
    /** The key whose change tells other tabs about rooms. */
    this.roomsKey = `${CHAT_KEYS.rooms}${user}`;
  }

  /** `{ boot, list: [{ code, kind, label, reason }] }`; a `reason` says why a room was lost. */
  rooms() {
    const { boot = null, list } = load(localStorage, this.roomsKey);
    return { boot, list: asList(list).filter((one) => isText(one?.code)) };
  }

  saveRooms(boot, rooms) {
    // A session that ended by time may come back: its rooms are kept as if they were not lost.
    const kept = rooms.map(({ code, kind, label, reason }) => ({ code, kind, label, ...(reason && reason !== 'session' ? { reason } : {}) }));
    save(localStorage, this.roomsKey, kept.length ? { boot, list: kept } : null);
  }

  get open() {
    const { user, code } = load(sessionStorage, CHAT_KEYS.open);
    return user === this.#user && isText(code) ? code : null;
  }

  set open(code) {
    save(sessionStorage, CHAT_KEYS.open, code && { user: this.#user, code });
  }

  get #drafts() {
    const all = load(localStorage, `${CHAT_KEYS.drafts}${this.#user}`);
    const fresh = Object.entries(all).filter(([, one]) => isText(one?.text) && Date.now() - one.at < DRAFT_MS);
    return Object.fromEntries(fresh);
  }

  draft(code) {
    return this.#drafts[code]?.text ?? '';
  }

  saveDraft(code, text) {
    const drafts = this.#drafts;
    delete drafts[code];
    if (text) drafts[code] = { text: [...text].slice(0, MAX_DRAFT_CHARS).join(''), at: Date.now() };
    const newest = Object.entries(drafts).sort(([, a], [, b]) => b.at - a.at).slice(0, MAX_DRAFTS);
    save(localStorage, `${CHAT_KEYS.drafts}${this.#user}`, Object.fromEntries(newest));
  }

  /** Texts that were sent and not acknowledged, by room: `[{ text, reply, after }]`. */
  unsent() {
    const { user, rooms } = load(sessionStorage, CHAT_KEYS.unsent);
    return user === this.#user && rooms ? rooms : {};
  }

  saveUnsent(rooms) {
    const list = rooms.filter((room) => room.unsent.length)
      .map((room) => [room.key, room.unsent.slice(0, MAX_UNSENT).map(({ text, reply, after }) => ({ text, reply, after }))]);
    save(sessionStorage, CHAT_KEYS.unsent, list.length ? { user: this.#user, rooms: Object.fromEntries(list) } : null);
  }

  /** Emoji that the person took, the last first. */
  recentEmoji() {
    const { list } = load(localStorage, `pichat.emoji:${this.#user}`);
    return asList(list).filter((one) => isText(one) && one.length <= MAX_EMOJI_UNITS).slice(0, MAX_RECENT_EMOJI);
  }

  addRecentEmoji(emoji) {
    const list = [emoji, ...this.recentEmoji().filter((one) => one !== emoji)].slice(0, MAX_RECENT_EMOJI);
    save(localStorage, `pichat.emoji:${this.#user}`, { list });
  }

  favourites() {
    return asList(load(localStorage, `${CHAT_KEYS.favourites}${this.#user}`).list).filter((one) => isText(one?.code));
  }

  saveFavourites(list) {
    save(localStorage, `${CHAT_KEYS.favourites}${this.#user}`, list.length ? { list: list.slice(-MAX_FAVOURITES) } : null);
  }
}
