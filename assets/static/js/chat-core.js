// Decisions of the chat, without a page, a socket or a clock of its own.

const HUES = 8;
const GROUP_MS = 5 * 60 * 1000;

/** Which of the author colours a name has: FNV-1a, the same for `Ana` and `ana`. */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const char of name.normalize('NFC').toLowerCase()) {
    hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193) >>> 0;
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % HUES;
}

export const initial = (name) => [...name][0]?.toLocaleUpperCase() ?? '?';

export function dayOf(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** Returns true if `next` begins a new block under its author's name. */
export function startsGroup(previous, next) {
  if (!previous || previous.user !== next.user || dayOf(previous.at) !== dayOf(next.at)) return true;
  return Math.abs(Date.parse(next.at) - Date.parse(previous.at)) > GROUP_MS;
}

/** Milliseconds before try number `attempt` (from 0): 0.5 s doubling to 15 s, scattered. */
export function backoff(attempt, random = Math.random()) {
  const whole = Math.min(15000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(whole / 2 + (random * whole) / 2);
}

export const codeFrom = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('').toUpperCase();

/** Codes know no case; this is how they are compared, and written for a new room. */
export const fold = (code) => code.toUpperCase();

export const isCode = (text) => /^[A-Za-z0-9_-]{1,20}$/.test(text);

export const isRoomPassword = (text) => [...text].length >= 4 && [...text].length <= 100;

/** Sees each sequence number once, in whatever order they come. */
export class SeqTracker {
  /** With more than a ring's worth waiting, the hole will not be filled. */
  static MAX_AHEAD = 512;

  constructor(last = 0) {
    this.reset(last);
  }

  reset(last) {
    this.last = last;
    this.ahead = new Set();
  }

  has(seq) {
    return seq <= this.last || this.ahead.has(seq);
  }

  /** Returns true if `seq` is new; from now on it is not. */
  accept(seq) {
    if (seq <= this.last || this.ahead.has(seq)) return false;
    this.ahead.add(seq);
    if (this.ahead.size > SeqTracker.MAX_AHEAD) this.last = Math.min(...this.ahead) - 1;
    this.#absorb();
    return true;
  }

  skip(to) {
    if (to > this.last) this.last = to;
    this.#absorb();
  }

  #absorb() {
    for (const seq of this.ahead) if (seq <= this.last) this.ahead.delete(seq);
    while (this.ahead.delete(this.last + 1)) this.last += 1;
  }
}
