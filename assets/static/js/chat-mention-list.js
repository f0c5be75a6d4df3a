// The people of the room to choose from while `@` is typed. The focus stays in the field; arrows choose, Enter or Tab takes.
import { hue, initial } from './chat-core.js';
import { foldName } from './chat-mentions.js';
import { byId, make } from './dom.js';
import { foldAccents } from './fold.js';
import { t } from './i18n.js';

const MAX_SHOWN = 6;
const STARTED = /(?:^|[^\p{L}\p{M}\p{N}_.@/-])@([^@\n]{0,32})$/u;
const MAX_UNITS = 80;

const fold = (text) => foldAccents(foldName(text));

export class MentionList {
  #field;
  #names;
  #list = byId('mention-list');
  #shown = [];
  #at = 0;
  /** Position of the `@`, and of one that the person does not want to complete. */
  #from = -1;
  #declined = -1;

  /** `names()` returns the people who can be chosen. */
  constructor(field, names) {
    this.#field = field;
    this.#names = names;
    // The field keeps the focus, and a phone its keyboard.
    this.#list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.#list.addEventListener('click', ({ target }) => {
      const option = target.closest('[role=option]');
      if (option) this.#take(option.dataset.name);
    });
    field.addEventListener('blur', () => this.close());
    field.addEventListener('pointerup', () => this.close());
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** Follows what was typed. */
  update() {
    const { value, selectionStart: caret, selectionEnd } = this.#field;
    const [, typed] = (caret === selectionEnd && STARTED.exec(value.slice(Math.max(0, caret - MAX_UNITS), caret))) || [];
    const from = typed === undefined ? -1 : caret - typed.length - 1;
    if (from !== this.#declined) this.#declined = -1;
    const wanted = fold(typed ?? '');
    const found = from < 0 || from === this.#declined ? [] : this.#names().filter((name) => fold(name).startsWith(wanted));
    // A name that is complete is sent by Enter.
    if (!found.length || (found.length === 1 && fold(found[0]) === wanted)) {
      this.close();
      return;
    }
    this.#from = from;
    this.#shown = found.slice(0, MAX_SHOWN);
    this.#at = 0;
    this.#draw();
    byId('mention-status').textContent = t('mention.found', { n: found.length });
  }

  /** Takes the keys that are the list's; returns true for one of them. */
  onKey(event) {
    if (!this.isOpen || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#at = (this.#at + step + this.#shown.length) % this.#shown.length;
      this.#draw();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) this.#take(this.#shown[this.#at]);
    else if (event.key === 'Escape') {
      this.#declined = this.#from;
      this.close();
    } else {
      if (['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(event.key)) this.close();
      return false;
    }
    event.preventDefault();
    return true;
  }

  close() {
    if (!this.isOpen) return;
    this.#list.hidden = true;
    this.#field.removeAttribute('aria-controls');
    this.#field.removeAttribute('aria-activedescendant');
    byId('mention-status').textContent = '';
  }

  #draw() {
    this.#list.replaceChildren(...this.#shown.map((name, at) => make('li', {
      id: `mention-${at}`, role: 'option', 'aria-selected': String(at === this.#at), class: `hue${hue(name)}`, 'data-name': name,
    }, make('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(name)), make('span', { translate: 'no' }, name))));
    this.#list.hidden = false;
    this.#field.setAttribute('aria-controls', 'mention-list');
    this.#field.setAttribute('aria-activedescendant', `mention-${this.#at}`);
  }

  #take(name) {
    const field = this.#field;
    const from = this.#from;
    this.close();
    field.setRangeText(`@${name} `, from, field.selectionStart, 'end');
    field.dispatchEvent(new Event('input'));
  }
}
