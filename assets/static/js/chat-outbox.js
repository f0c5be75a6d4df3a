// Texts that a person has sent and the server has not acknowledged, one list a room. A text leaves the list when it is acknowledged or
// comes back as one's own message; after a broken line only what did not come back counts as not sent.
import { clean } from './chat-text.js';
import { errorText, t, waitText } from './i18n.js';

/** Without an answer for this long the page says so. */
const SLOW_MS = 3000;
const MAX_UNSENT = 20;

export class Outbox {
  #request;
  #onchange;
  #onrefused;

  /** `request(frame)` resolves with `sent`; `onchange(room)` after each change; `onrefused(room)` when this socket is not in the room. */
  constructor({ request, onchange, onrefused }) {
    this.#request = request;
    this.#onchange = onchange;
    this.#onrefused = onrefused;
  }

  /** Sends a text, perhaps as an answer to message `reply`; returns false if too many wait already. */
  send(room, text, reply) {
    if (room.unsent.length >= MAX_UNSENT) return false;
    this.#transmit(room, { text: clean(text), reply });
    return true;
  }

  /** Sends what failed again, as the newest. */
  retry(room, item) {
    this.discard(room, item);
    this.#transmit(room, item);
  }

  discard(room, item) {
    clearTimeout(item.timer);
    room.unsent = room.unsent.filter((other) => other !== item);
    room.thread.removeUnsent(item);
    this.#onchange(room);
  }

  /** Texts of before a reload: what comes back among the messages was sent. */
  restore(room, kept) {
    for (const { text, reply, after } of kept.slice(0, MAX_UNSENT)) {
      if (typeof text === 'string') room.unsent.push({ text, reply: Number(reply) || undefined, after: Number(after) || 0, isStale: true, state: 'sending' });
    }
    this.redraw(room);
  }

  /** Shows the list in a thread that is new. */
  redraw(room) {
    for (const item of room.unsent) room.thread.showUnsent(item);
  }

  /** Takes an own message of the room off the list. `after` keeps an equal text of long ago apart. */
  heardOwn(room, { seq, text }) {
    const item = room.unsent.find((one) => one.seq === seq) ?? room.unsent.find((one) => !one.seq && one.text === text && one.after < seq);
    if (item) this.discard(room, item);
  }

  /** Everything missed has come, or the room is lost: what went into the broken line and is not among it was not sent. */
  settle(room) {
    for (const item of room.unsent.filter((one) => one.isStale)) this.#fail(room, item);
  }

  /** The room is lost: nothing more will be acknowledged. */
  failAll(room) {
    for (const item of [...room.unsent]) {
      if (item.seq) this.discard(room, item);
      else if (item.state !== 'failed') this.#fail(room, item);
    }
  }

  #fail(room, item, note = '') {
    clearTimeout(item.timer);
    item.state = 'failed';
    item.note = note;
    item.isStale = false;
    if (!room.unsent.includes(item)) room.unsent.push(item);
    room.thread.showUnsent(item);
    this.#onchange(room);
  }

  #note(room, item, note) {
    if (!room.unsent.includes(item) || item.state === 'failed') return;
    item.note = note;
    room.thread.showUnsent(item);
    this.#onchange(room);
  }

  #transmit(room, item) {
    item.after = room.tracker.last;
    item.state = 'sending';
    item.note = '';
    item.isStale = false;
    item.seq = 0;
    room.unsent.push(item);
    this.#say(room, item);
  }

  #say(room, item) {
    room.thread.showUnsent(item);
    this.#onchange(room);
    clearTimeout(item.timer);
    item.timer = setTimeout(() => this.#note(room, item, t('wait.long')), SLOW_MS);
    this.#request({ type: 'send', room: room.code, text: item.text, reply: item.reply }).then(
      ({ seq }) => {
        clearTimeout(item.timer);
        item.seq = seq;
        // As a rule the message itself came before this answer.
        if (room.tracker.has(seq) && room.unsent.includes(item)) this.discard(room, item);
      },
      (error) => this.#refused(room, item, error),
    );
  }

  #refused(room, item, error) {
    if (error.code === 'network') {
      item.isStale = true;
      // Without a room to come back to, nothing settles it later.
      if (room.state === 'lost') this.#fail(room, item);
    } else if (error.code === 'rate_limited') {
      const wait = Number(error.retry_after) || 1;
      this.#note(room, item, t('chat.sends_in', { wait: waitText(wait) }));
      clearTimeout(item.timer);
      item.timer = setTimeout(() => {
        if (!room.unsent.includes(item)) return;
        if (room.state === 'live') this.#say(room, item);
        else this.#fail(room, item);
      }, wait * 1000);
    } else {
      this.#fail(room, item, error.code === 'not_member' ? '' : errorText(error, 'chat'));
      if (error.code === 'not_member') this.#onrefused(room);
    }
  }
}
