// The messages of one room as elements. Everything a person wrote goes in through textContent.
import { dayOf, hue, initial, startsGroup } from './chat-core.js';
import { make } from './dom.js';
import { t } from './i18n.js';
import { clock, dayName, fullTime } from './times.js';

/** Past this the oldest go: a long day shall not fill a cheap phone. */
const MAX_SHOWN = 600;

export class Thread {
  #me;
  #newLine = null;
  #info = new WeakMap();

  constructor(me) {
    this.#me = me;
    this.element = make('div', { class: 'thread' });
    this.hint = make('p', { class: 'empty' });
    this.element.append(this.hint);
    this.showHint(false);
  }

  /** What an empty thread says: who made the room writes first, who joined sees nothing of before. */
  showHint(created) {
    this.hint.textContent = t(created ? 'chat.first_created' : 'chat.first_joined');
  }

  #messageElement(message) {
    const own = message.user === this.#me;
    const node = make('div', { class: `message hue${hue(message.user)}${own ? ' own' : ''}`, 'data-seq': message.seq },
      make('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(message.user)),
      make('span', { class: 'author', translate: 'no' }, message.user),
      make('time', { datetime: message.at, title: fullTime(message.at) }, clock(message.at)),
      make('p', { class: 'message-text', dir: 'auto' }, message.text));
    this.#info.set(node, message);
    return node;
  }

  /** Puts a message where its number belongs. `isNew` draws the "new" line above it unless there is one. */
  add(message, isNew) {
    this.hint.remove();
    const node = this.#messageElement(message);
    let below = null;
    for (let other = this.element.lastElementChild; other; other = other.previousElementSibling) {
      if (!this.#info.has(other)) continue;
      if (this.#info.get(other).seq < message.seq) break;
      below = other;
    }
    this.element.insertBefore(node, below);
    this.#dayLine(node, message);
    if (isNew && !this.#newLine) {
      this.#newLine = make('p', { class: 'divider new-divider' }, make('span', {}, t('chat.new')));
      node.before(this.#newLine);
    }
    this.#regroup(node);
    const next = node.nextElementSibling;
    if (next && this.#info.has(next)) this.#regroup(next);
    this.#trim();
  }

  #dayLine(node, message) {
    const day = dayOf(message.at);
    let above = node.previousElementSibling;
    while (above && !this.#info.has(above) && !above.dataset.day) above = above.previousElementSibling;
    const known = above && (above.dataset.day || dayOf(this.#info.get(above).at));
    if (known !== day) node.before(make('p', { class: 'divider day-divider', 'data-day': day }, make('span', {}, dayName(message.at))));
  }

  #regroup(node) {
    node.classList.toggle('group-start', startsGroup(this.#info.get(node.previousElementSibling), this.#info.get(node)));
  }

  /** Line without an author: joins, leaves, lost messages. */
  note(text, className = 'presence') {
    if (className !== 'presence') this.hint.remove();
    this.element.append(make('p', { class: className }, text));
    this.#trim();
  }

  clearNew() {
    const next = this.#newLine?.nextElementSibling;
    this.#newLine?.remove();
    this.#newLine = null;
    if (next && this.#info.has(next)) this.#regroup(next);
  }

  #trim() {
    while (this.element.childElementCount > MAX_SHOWN) {
      const first = this.element.firstElementChild;
      if (first === this.#newLine) this.#newLine = null;
      first.remove();
    }
  }
}
