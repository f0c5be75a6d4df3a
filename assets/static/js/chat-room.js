// One room as this page knows it.
import { fold, SeqTracker } from './chat-core.js';
import { Thread } from './chat-thread.js';

/** A typing sign without another within this time is stale. */
const TYPING_MS = 4500;

/** `state`: live, waiting (this socket has yet to enter), lost (no member any more, or not in this tab; `reason` says why). */
export class Room {
  #me;

  constructor({ code, kind, label = '' }, me) {
    /** As the server spells it; `key` is the same for every spelling. */
    this.code = code;
    this.key = fold(code);
    this.kind = kind;
    this.label = label ?? '';
    this.state = 'waiting';
    this.reason = null;
    /** Made by this person. */
    this.maker = false;
    /** `{ user, state: 'here' | 'away' }`, by name; empty until this socket has entered. */
    this.members = [];
    this.people = 0;
    this.tracker = new SeqTracker();
    /** The last one the server had given at the last `joined`: up to here it is a replay. */
    this.target = 0;
    /** The last one this person has read, here or elsewhere, and the last that this page has said so. */
    this.read = 0;
    this.reported = 0;
    /** The greatest on this page. */
    this.seen = 0;
    /** Numbers of others' messages past `read`. */
    this.unseen = [];
    /** Those of them that mention this person. */
    this.mentions = [];
    /** An estimate until everything missed has come. */
    this.estimate = 0;
    /** The next message is the first after an `enter`: what is before it and was not told as a gap is not this person's to see. */
    this.isEntering = false;
    this.settleTimer = 0;
    this.draft = '';
    /** Sent and not yet acknowledged, in order; chat-outbox.js. */
    this.unsent = [];
    /** People who type: name → time until which it counts, by performance.now(). */
    this.typing = new Map();
    this.#me = me;
    this.thread = this.#newThread();
  }

  get unread() {
    return this.tracker.last < this.target ? Math.max(this.estimate, this.unseen.length) : this.unseen.length;
  }

  /** Returns true if this person made it and is alone in it. */
  get canEnd() {
    return this.state === 'live' && this.maker && this.members.length === 1;
  }

  /** Applies its row of `welcome`. */
  announced({ kind, label, seq, read, people }) {
    if (this.isOver || seq < this.tracker.last) this.renew();
    this.kind = kind;
    this.label = label ?? '';
    this.people = people;
    this.state = 'waiting';
    this.reason = null;
    this.estimate = Math.max(0, seq - Math.max(read, this.tracker.last));
    this.target = seq;
    this.#heardRead(read);
  }

  /** A `joined`. */
  applyJoined(frame) {
    this.code = frame.room;
    this.kind = frame.kind;
    this.label = frame.label ?? '';
    this.maker = frame.maker === true;
    this.members = frame.members;
    this.people = frame.members.length;
    this.target = frame.seq;
    this.state = 'live';
    this.reason = null;
    this.#heardRead(frame.read ?? 0);
  }

  /** Joined by password. What came before it is not this person's to see; messages of an earlier stay remain, unless the room is new. */
  joinedAnew(frame) {
    if (frame.created || this.isOver || frame.seq < this.tracker.last) this.renew();
    else if (frame.seq > this.tracker.last && this.tracker.last > 0) this.thread.gap();
    this.tracker.reset(frame.seq);
    this.seen = frame.seq;
    this.unseen = [];
    this.mentions = [];
    this.applyJoined(frame);
  }

  /** Takes a number as read; returns true if fewer messages are unread then. */
  markRead(seq) {
    const before = this.unread;
    this.read = Math.max(this.read, seq);
    if (this.unseen.length) this.unseen = this.unseen.filter((other) => other > seq);
    if (this.mentions.length) this.mentions = this.mentions.filter((other) => other > seq);
    return this.unread < before;
  }

  /** A message was removed: it is no longer unread. */
  forgetUnread(seq) {
    this.unseen = this.unseen.filter((other) => other !== seq);
    this.mentions = this.mentions.filter((other) => other !== seq);
  }

  #newThread() {
    return new Thread(this.#me, () => [...this.members.map(({ user }) => user), this.#me]);
  }

  #heardRead(read) {
    this.reported = read;
    if (read > this.read) this.markRead(read);
    if (this.seen === 0) this.seen = this.read;
  }

  /** The room that this page shows has ended. */
  get isOver() {
    return this.reason === 'restarted' || this.reason === 'ended';
  }

  /** Forgets all of a room that has ended; another one has its name. */
  renew() {
    this.thread = this.#newThread();
    for (const item of this.unsent) this.thread.showUnsent(item);
    this.tracker.reset(0);
    this.read = 0;
    this.seen = 0;
    this.unseen = [];
    this.mentions = [];
  }

  lose(reason) {
    clearTimeout(this.settleTimer);
    this.state = 'lost';
    this.reason = reason;
    this.members = [];
    this.people = 0;
    this.unseen = [];
    this.mentions = [];
    this.estimate = 0;
    this.typing.clear();
  }

  /** Returns true if a number is new; from now on it is not. What is before the first after an `enter` does not come. */
  accept(seq) {
    if (this.isEntering) this.tracker.skip(seq - 1);
    this.isEntering = false;
    return this.tracker.accept(seq);
  }

  /** Notes a message that is in the thread. */
  heard({ seq, user }, isUnseen, isMention) {
    this.seen = Math.max(this.seen, seq);
    this.typing.delete(user);
    if (isUnseen) this.unseen.push(seq);
    if (isUnseen && isMention) this.mentions.push(seq);
  }

  /** Applies a `presence`; returns true if the thread shows it. */
  presence(user, event) {
    if (event !== 'back') this.typing.delete(user);
    const others = this.members.filter((one) => one.user !== user);
    if (event !== 'left') others.push({ user, state: event === 'away' ? 'away' : 'here' });
    this.members = others.sort((a, b) => a.user.localeCompare(b.user));
    this.people = this.members.length;
    const isShown = (event === 'joined' || event === 'left') && user !== this.#me;
    if (isShown) this.thread.presence(user, event);
    return isShown;
  }

  heardTyping(user) {
    this.typing.set(user, performance.now() + TYPING_MS);
  }

  typists(now) {
    for (const [name, until] of this.typing) if (until <= now) this.typing.delete(name);
    return [...this.typing.keys()];
  }
}
