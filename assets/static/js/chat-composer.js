// The field for messages: with a keyboard Enter sends and Shift+Enter breaks the line; on a touch screen Enter breaks it.
import { clean, count, isBlank } from './chat-text.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showError } from './notice.js';

const NEAR_LIMIT = 100;
/** The server takes 30 of these a minute and drops the rest. */
const TYPING_EVERY_MS = 3000;
const MAX_HEIGHT_PX = 160;
/** A finger is this browser's first pointer, so that Enter is a key of the screen's keyboard. */
const touch = matchMedia('(pointer: coarse)');

/** Writes into the state's open room; a sign of typing goes out at most every three seconds. */
export class Composer {
  #field = byId('message-field');
  #lastTyping = -TYPING_EVERY_MS;
  #state;
  #max;

  constructor(state, maxChars) {
    this.#state = state;
    this.#max = maxChars;
    const form = byId('composer');
    const field = this.#field;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      if (touch.matches && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.#submit();
    });
    field.addEventListener('input', () => {
      state.draft = field.value;
      this.#draw();
      const now = performance.now();
      if (!isBlank(clean(field.value)) && now - this.#lastTyping > TYPING_EVERY_MS) {
        this.#lastTyping = now;
        state.sendTyping();
      }
    });
    const drawKey = () => field.setAttribute('enterkeyhint', touch.matches ? 'enter' : 'send');
    touch.addEventListener('change', drawKey);
    drawKey();
    // Keeps the phone's keyboard up when the button is pressed.
    byId('send').addEventListener('pointerdown', (event) => { if (document.activeElement === field) event.preventDefault(); });
  }

  /** Shows the open room's draft. */
  show() {
    this.#field.value = this.#state.draft;
    this.#draw();
  }

  focus() {
    this.#field.focus();
  }

  /** A room that is not live takes no message. */
  refresh() {
    byId('send').disabled = this.#state.current?.state !== 'live';
  }

  #submit() {
    const text = clean(this.#field.value);
    if (isBlank(text)) return;
    if (count(text) > this.#max) {
      showError(t('chat.over_note', { max: this.#max }));
      return;
    }
    if (!this.#state.send(text)) return;
    this.#state.draft = '';
    this.show();
    this.#lastTyping = -TYPING_EVERY_MS;
  }

  #draw() {
    const field = this.#field;
    field.style.height = 'auto';
    const edges = field.offsetHeight - field.clientHeight;
    if (field.value) field.style.height = `${Math.min(field.scrollHeight + edges, MAX_HEIGHT_PX)}px`;
    const left = this.#max - count(clean(field.value));
    const note = byId('chars-left');
    note.textContent = left > NEAR_LIMIT ? '' : t(left < 0 ? 'chat.over' : 'chat.chars', { n: Math.abs(left) });
    note.classList.toggle('wrong', left < 0);
    field.setAttribute('aria-invalid', String(left < 0));
  }
}
