// One room as this page knows it, and how it outlives a reload.
import { SeqTracker } from './chat-core.js';
import { t } from './i18n.js';
import { ROOMS_KEY } from './page.js';
import { Thread } from './chat-thread.js';

/** How many messages a reload asks for again: the server's ring. */
const RELOAD_BACK = 64;

/** `state`: live, waiting (the line fell, `resume` is owed), lost (to be joined again). */
export class Room {
  constructor({ code, kind, resume = null, base = 0, last = 0 }, me) {
    this.code = code;
    this.kind = kind;
    this.resume = resume;
    /** `seq` at joining: what came before is not this person's to see. */
    this.base = base;
    this.tracker = new SeqTracker(last);
    /** The last message that was on this page before a reload or a lost line. */
    this.seen = last;
    /** The last one the server had given at the last `joined`: up to here it is a replay. */
    this.target = last;
    this.state = 'waiting';
    this.members = [];
    this.unread = 0;
    this.draft = '';
    /** Sent and not yet acknowledged: `{ text, stale }`. */
    this.pending = [];
    /** Who types: name → when it stops counting, by performance.now(). */
    this.typing = new Map();
    this.thread = new Thread(me);
  }

  /** After a reload the page is empty: ask again for what the ring still holds of this stay. */
  rewindForReload() {
    this.tracker.reset(Math.max(this.base, this.tracker.last - RELOAD_BACK));
  }

  /** Joined again after a loss: the old messages stay, unless the room began anew meanwhile. */
  rejoined(frame, me) {
    if (frame.created || frame.seq < this.tracker.last) this.thread = new Thread(me);
    else if (frame.seq > this.tracker.last) this.thread.note(t('chat.gap'), 'divider gap-divider');
  }

  /** A fresh `joined`: a new stay, nothing before it is owed. */
  start(frame) {
    this.base = frame.seq;
    this.seen = frame.seq;
    this.tracker.reset(frame.seq);
    this.thread.showHint(frame.created);
    this.applyJoined(frame);
  }

  applyJoined(frame) {
    this.kind = frame.kind;
    this.resume = frame.resume;
    this.members = frame.members;
    this.target = frame.seq;
    this.state = 'live';
  }

  lose() {
    this.state = 'lost';
    this.resume = null;
    this.members = [];
    this.typing.clear();
  }

  presence(user, event) {
    this.typing.delete(user);
    const others = this.members.filter((name) => name !== user);
    this.members = event === 'joined' ? [...others, user].sort((a, b) => a.localeCompare(b)) : others;
  }

  typists(now) {
    for (const [name, until] of this.typing) if (until <= now) this.typing.delete(name);
    return [...this.typing.keys()];
  }
}

/** Into sessionStorage go codes, kinds, resume tokens and numbers, never a password or a message. */
export function saveRooms(user, rooms, current) {
  const list = rooms.filter((room) => room.resume).map(({ code, kind, resume, base, tracker }) => ({ code, kind, resume, base, last: tracker.last }));
  try {
    if (list.length) sessionStorage.setItem(ROOMS_KEY, JSON.stringify({ user, current, list }));
    else sessionStorage.removeItem(ROOMS_KEY);
  } catch {
    // Full or forbidden: a reload will not resume, nothing else is lost.
  }
}

export function loadRooms(user) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(ROOMS_KEY));
    if (kept?.user === user && Array.isArray(kept.list)) return kept;
  } catch { /* Not ours, or no storage at all. */ }
  return { current: null, list: [] };
}
