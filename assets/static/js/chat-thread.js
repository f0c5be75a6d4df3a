// The messages of one room as elements. Everything a person wrote goes in through textContent.
import { dayOf, startsGroup } from './chat-core.js';
import { drawQuote, drawReactions, drawText, messageElement } from './chat-message.js';
import { icon, make } from './dom.js';
import { locale, t } from './i18n.js';
import { dayName } from './times.js';

/** Messages and other lines of one block, which a browser lays out and paints by itself. The oldest go with their block: each going
 * moves all that stay. */
const BLOCK_LINES = 50;
/** Past this many blocks, some 600 messages, the oldest go: a long day shall not fill a cheap phone. */
const MAX_BLOCKS = 12;
/** People that one line of joins and leaves remembers, and names. */
const MAX_FOLDED = 50;
const MAX_NAMED = 3;

const list = new Intl.ListFormat(locale, { type: 'conjunction' });

/** Names of people as a sentence has them: the first few, and how many more. */
function named(names) {
  if (names.length <= MAX_NAMED) return list.format(names);
  const shown = names.slice(0, MAX_NAMED - 1);
  return list.format([...shown, t('chat.more_people', { n: names.length - shown.length })]);
}

const makeBlock = () => make('div', { class: 'thread-block' });
/** The lines above and below one, also in another block. */
const above = (line) => line.previousElementSibling ?? line.parentElement.previousElementSibling?.lastElementChild ?? null;
const below = (line) => line.nextElementSibling ?? line.parentElement.nextElementSibling?.firstElementChild ?? null;

export class Thread {
  #me;
  #people;
  #newLine = null;
  #info = new WeakMap();
  #bySeq = new Map();
  #hint = make('p', { class: 'empty' });
  #list = make('div', { class: 'thread-list' }, makeBlock());
  /** Texts that are not sent yet, below all others; each is read out when it has arrived. */
  #unsent = make('div', { class: 'thread-list', 'aria-live': 'off' });
  #nodes = new Map();
  /** The last line of joins and leaves, while nothing came after it: name → event. */
  #presence = null;

  /** `people()` returns the names that can be mentioned. */
  constructor(me, people) {
    this.#me = me;
    this.#people = people;
    this.element = make('div', { class: 'thread' }, this.#hint, this.#list, this.#unsent);
  }

  /** Shows the text of an empty thread: `created`, `newcomer` or `empty`. Until the room is entered nothing is known of it. */
  showHint(what) {
    this.#hint.textContent = t(`chat.first_${what}`);
  }

  /** Puts a message where its number belongs; returns true if it mentions the reader. `isNew` draws the "new" line above it unless there is one. */
  add(message, isNew) {
    this.#hint.remove();
    this.#presence = null;
    const node = messageElement(message, this.#me, this.#people());
    drawQuote(node, message, this.message(message.reply));
    drawReactions(node, message, this.#me);
    node.dataset.seq = message.seq;
    // Arrows move the focus from message to message.
    node.tabIndex = -1;
    this.#info.set(node, message);
    this.#bySeq.set(message.seq, node);
    let next = null;
    for (let other = this.#last; other; other = above(other)) {
      if (!this.#info.has(other)) continue;
      if (this.#info.get(other).seq < message.seq) break;
      next = other;
    }
    if (next) next.before(node);
    else this.#append(node);
    this.#dayLine(node, message);
    if (isNew && !this.#newLine) {
      this.#newLine = make('p', { class: 'divider new-divider' }, make('span', {}, t('chat.new')));
      node.before(this.#newLine);
    }
    this.#regroup(node);
    this.#regroup(below(node));
    return node.matches('.mentions-me');
  }

  get #last() {
    return this.#list.lastElementChild.lastElementChild;
  }

  /** Puts a line at the end, and takes the oldest away when there are too many. */
  #append(line) {
    if (this.#list.lastElementChild.childElementCount >= BLOCK_LINES) this.#list.append(makeBlock());
    this.#list.lastElementChild.append(line);
    if (this.#list.childElementCount <= MAX_BLOCKS) return;
    const oldest = this.#list.firstElementChild;
    if (oldest.contains(this.#newLine)) this.#newLine = null;
    for (const gone of oldest.children) this.#bySeq.delete(this.#info.get(gone)?.seq);
    oldest.remove();
  }

  #dayLine(node, message) {
    const day = dayOf(message.at);
    let other = above(node);
    while (other && !this.#info.has(other) && !other.dataset.day) other = above(other);
    const known = other && (other.dataset.day || dayOf(this.#info.get(other).at));
    if (known === day) return;
    node.before(make('p', { class: 'divider day-divider', 'data-day': day, 'data-at': message.at }, make('span', {}, dayName(message.at))));
  }

  /** Names the days again: "today" is over at midnight. */
  refreshDays() {
    for (const line of this.#list.querySelectorAll('.day-divider')) line.firstElementChild.textContent = dayName(line.dataset.at);
  }

  /** Draws the beginning of a group, if the line is a message. */
  #regroup(line) {
    if (line && this.#info.has(line)) line.classList.toggle('group-start', startsGroup(this.#info.get(above(line)), this.#info.get(line)));
  }

  /** Shows a text that is being sent, or was not, at the end. `item`: `{ text, state, note }`, state sending or failed. */
  showUnsent(item) {
    this.#hint.remove();
    let node = this.#nodes.get(item);
    if (!node) {
      node = messageElement({ user: this.#me, text: item.text }, this.#me, this.#people(), ' unsent');
      drawQuote(node, item, this.message(item.reply));
      node.querySelector('.author').after(make('span', { class: 'send-clock' }, icon('clock'), make('span', { class: 'visually-hidden' }, t('chat.sending'))));
      this.#nodes.set(item, node);
      this.#unsent.append(node);
    }
    node.classList.toggle('group-start', this.#unsent.firstElementChild === node && this.#info.get(this.#last)?.user !== this.#me);
    node.dataset.state = item.state;
    node.querySelector('.send-state')?.remove();
    if (item.state === 'failed') {
      node.append(make('p', { class: 'send-state wrong' }, make('span', {}, item.note || t('chat.not_sent')), ' · ',
        make('button', { type: 'button', class: 'quiet', 'data-act': 'retry' }, t('retry')),
        make('button', { type: 'button', class: 'quiet', 'data-act': 'discard' }, t('chat.discard'))));
    } else if (item.note) node.append(make('p', { class: 'send-state muted' }, item.note));
  }

  removeUnsent(item) {
    this.#nodes.get(item)?.remove();
    this.#nodes.delete(item);
  }

  /** The message that an element shows, if it is one that was sent. */
  messageAt(node) {
    return this.#info.get(node);
  }

  /** The element of a message by its number. */
  nodeOf(seq) {
    return this.#bySeq.get(seq);
  }

  /** A message by its number, as the page has it. */
  message(seq) {
    return this.#info.get(this.#bySeq.get(seq));
  }

  /** The newest message of the reader that is not removed. */
  get lastOwn() {
    for (let node = this.#last; node; node = above(node)) {
      const message = this.#info.get(node);
      if (message?.user === this.#me && !message.isRemoved) return message;
    }
    return undefined;
  }

  /** Draws a message again that has changed: by an `edited`, `removed` or `reacted`. */
  redraw(seq, what) {
    const node = this.nodeOf(seq);
    const message = this.#info.get(node);
    if (what !== 'edited') drawReactions(node, message, this.#me);
    if (what === 'reacted') return;
    drawText(node, message, this.#me, this.#people());
    drawQuote(node, message, this.message(message.reply));
    for (const quote of this.#list.querySelectorAll(`.reply-quote[data-reply='${seq}']`)) {
      const answer = quote.closest('.message');
      drawQuote(answer, this.#info.get(answer), message);
    }
  }

  /** The unsent text whose element `node` is in. */
  unsentAt(node) {
    for (const [item, own] of this.#nodes) if (own.contains(node)) return item;
    return undefined;
  }

  /** A person joined or left. Such lines fold into one until something else is said; who joined and left again left. */
  presence(name, event) {
    if (!this.#presence) {
      this.#presence = { node: make('p', { class: 'presence' }), events: new Map() };
      this.#append(this.#presence.node);
    }
    const { node, events } = this.#presence;
    events.delete(name);
    events.set(name, event);
    const lines = [['joined', 'chat.in', 'chat.in_many'], ['left', 'chat.out', 'chat.out_many']].map(([wanted, one, many]) => {
      const names = [...events].filter(([, last]) => last === wanted).map(([other]) => other);
      return names.length ? t(names.length === 1 ? one : many, { names: named(names) }) : null;
    });
    node.textContent = lines.filter(Boolean).join(' · ');
    if (events.size >= MAX_FOLDED) this.#presence = null;
  }

  /** Messages are missing here; `old`: from before this visit. */
  gap(old = false) {
    this.#hint.remove();
    this.#presence = null;
    this.#append(make('p', { class: 'divider gap-divider' }, t(old ? 'chat.gap_old' : 'chat.gap')));
  }

  clearNew() {
    const next = this.#newLine && below(this.#newLine);
    this.#newLine?.remove();
    this.#newLine = null;
    this.#regroup(next);
  }
}
