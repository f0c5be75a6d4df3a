// Where one writes: Enter sends, Shift+Enter breaks the line.
import { count, MAX_CHARS } from './chat-core.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showError } from './notice.js';

const NEAR_LIMIT = 100;
/** The server takes 30 of these a minute and drops the rest. */
const TYPING_EVERY_MS = 3000;
const MAX_HEIGHT_PX = 160;

/** `send(text)` says whether the text was taken; `typing()` is called at most every three seconds. */
export class Composer {
  #field = byId('message-field');
  #lastTyping = -TYPING_EVERY_MS;

  constructor({ send, typing }) {
    const form = byId('composer');
    const field = this.#field;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(send);
    });
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit(send);
    });
    field.addEventListener('input', () => {
      this.#draw();
      const now = performance.now();
      if (field.value.trim() && now - this.#lastTyping > TYPING_EVERY_MS) {
        this.#lastTyping = now;
        typing();
      }
    });
    // Keeps the phone's keyboard up when the button is pressed.
    byId('send').addEventListener('pointerdown', (event) => { if (document.activeElement === field) event.preventDefault(); });
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    this.#draw();
  }

  focus() {
    this.#field.focus();
  }

  /** Whether the room hears what is sent now. */
  set ready(ready) {
    byId('send').disabled = !ready;
  }

  #submit(send) {
    const text = this.text;
    if (!text.trim()) return;
    if (count(text) > MAX_CHARS) {
      showError(t('chat.over_note'));
      return;
    }
    if (!send(text)) return;
    this.text = '';
    this.#lastTyping = -TYPING_EVERY_MS;
  }

  #draw() {
    const field = this.#field;
    field.style.height = 'auto';
    const edges = field.offsetHeight - field.clientHeight;
    if (field.value) field.style.height = `${Math.min(field.scrollHeight + edges, MAX_HEIGHT_PX)}px`;
    const left = MAX_CHARS - count(field.value);
    const note = byId('chars-left');
    note.textContent = left > NEAR_LIMIT ? '' : t(left < 0 ? 'chat.over' : 'chat.chars', { n: Math.abs(left) });
    note.classList.toggle('wrong', left < 0);
    field.setAttribute('aria-invalid', String(left < 0));
  }
}
