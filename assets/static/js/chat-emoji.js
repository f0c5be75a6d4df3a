// The emoji of the fonts, in groups, to put into a message.
import { Storage } from './chat-storage.js';
import { byId, make } from './dom.js';
import { t } from './i18n.js';

const GROUPS = {
  faces: '😀 😄 😁 😅 😂 🙂 😉 😊 😍 😘 😋 😎 🤓 🤗 🤔 🤨 😐 🙄 😏 😬 😌 😴 🤒 🤯 🥳 😕 😟 😮 😳 🥺 😢 😭 😱 😤 😡 🤦 🤷',
  hands: '👍 👎 👌 🤏 ✌️ 🤞 🤝 👏 🙌 🙏 💪 👋 ✋ 👉 👈 👆 👇 ✍️ 👀 🫶',
  work: '✅ ☑️ ❌ ❗ ❓ ⚠️ 🚫 ⏳ ⏰ 📅 📌 📎 📁 📄 📝 📊 📈 📉 📦 🔒 🔑 🔧 💡 🔔 📣 📞 💻 🖨️ 🔋 🔌 💰 🧾 ✂️ 🗑️ 🔍 🚀',
  life: '☕ 🍵 🍞 🥑 🍎 🍕 🥗 🍰 🎂 🍻 🎉 🎁 🏆 ⚽ 🎵 📷 🚗 🚌 🚲 ✈️ 🏠 🏢 🌱 🌳 🌻 🐶 🐱 ☀️ 🌧️ 🌈 🌙 ⭐ 🔥 💧',
  hearts: '❤️ 🧡 💛 💚 💙 💜 🖤 🤍 💔 💯 ➕ ➖ ➡️ ⬅️ ⬆️ ⬇️ 🔴 🟡 🟢 🔵',
};
const ROW_KEYS = { ArrowRight: 1, ArrowLeft: -1 };

export class EmojiPicker {
  #box = make('div', { id: 'emoji-picker', class: 'emoji-picker', role: 'dialog', 'aria-label': t('emoji.title'), hidden: true });
  #storage;
  /** `{ near, ontake, onclose }` of `open`. */
  #use = null;

  constructor(user) {
    this.#storage = new Storage(user);
    byId('panel').append(this.#box);
    this.#box.addEventListener('click', ({ target }) => {
      const button = target.closest('button');
      if (button) this.#take(button.textContent);
    });
    this.#box.addEventListener('keydown', (event) => this.#onKey(event));
    document.addEventListener('pointerdown', (event) => { if (this.isOpen && !this.#holds(event.target)) this.close(); });
    this.#box.addEventListener('focusout', ({ relatedTarget }) => { if (relatedTarget && !this.#holds(relatedTarget)) this.close(); });
  }

  get isOpen() {
    return !this.#box.hidden;
  }

  /** Tells whether `node` is in the picker or in the button that opened it, whose click closes it. */
  #holds(node) {
    const { near } = this.#use;
    return this.#box.contains(node) || (near.matches('button') && near.contains(node));
  }

  /** Opens the picker for the button `near`, which gets the focus back; the same button closes it. `ontake(emoji)` gets the choice; `onclose()` comes in any case. */
  open(use) {
    if (this.isOpen && use.near === this.#use.near) {
      this.close();
      return;
    }
    this.#use = use;
    const recent = this.#storage.recentEmoji();
    const groups = [...(recent.length ? [['recent', recent]] : []), ...Object.entries(GROUPS).map(([name, all]) => [name, all.split(' ')])];
    this.#box.replaceChildren(...groups.map(([name, all]) => make('section', { role: 'group', 'aria-label': t(`emoji.${name}`) },
      make('h3', { class: 'small muted', 'aria-hidden': 'true' }, t(`emoji.${name}`)),
      make('div', { class: 'emoji-grid' }, ...all.map((emoji) => make('button', { type: 'button', class: 'quiet', tabindex: '-1' }, emoji))))));
    this.#box.hidden = false;
    this.#box.scrollTop = 0;
    this.#focus(this.#buttons[0]);
  }

  close() {
    if (!this.isOpen) return;
    this.#box.hidden = true;
    this.#use.onclose();
  }

  get #buttons() {
    return [...this.#box.querySelectorAll('button')];
  }

  #take(emoji) {
    this.#storage.addRecentEmoji(emoji);
    const { ontake } = this.#use;
    this.close();
    ontake(emoji);
  }

  #focus(button) {
    for (const one of this.#buttons) one.tabIndex = one === button ? 0 : -1;
    button.focus();
  }

  /** The nearest button of the row above or below, across the groups. */
  #inNextRow(from, by) {
    const { left, top } = from.getBoundingClientRect();
    const others = this.#buttons.map((button) => ({ button, box: button.getBoundingClientRect() }))
      .filter(({ box }) => (box.top - top) * by > 1);
    const distance = ({ box }) => Math.abs(box.top - top) * 1000 + Math.abs(box.left - left);
    return others.sort((a, b) => distance(a) - distance(b))[0]?.button;
  }

  #onKey(event) {
    const all = this.#buttons;
    const at = all.indexOf(document.activeElement);
    let next;
    if (event.key === 'Escape') {
      event.preventDefault();
      const { near } = this.#use;
      this.close();
      near.focus();
      return;
    }
    if (event.key in ROW_KEYS) next = all[at + ROW_KEYS[event.key]];
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') next = this.#inNextRow(all[at], event.key === 'ArrowDown' ? 1 : -1);
    else if (event.key === 'Home') next = all[0];
    else if (event.key === 'End') next = all.at(-1);
    else return;
    event.preventDefault();
    if (next) this.#focus(next);
  }
}
