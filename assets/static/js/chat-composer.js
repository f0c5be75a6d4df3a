// The field for messages: with a keyboard Enter sends and Shift+Enter breaks the line; on a touch screen Enter breaks it.
import { Aim } from './chat-aim.js';
import { LongText } from './chat-long-text.js';
import { MentionList } from './chat-mention-list.js';
import { clean, count, isBlank } from './chat-text.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

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
  #long;
  #mentions;
  #aim = new Aim(() => this.#endAim());
  #pickEmoji;

  /** `pickEmoji(use)` opens the picker. */
  constructor(state, { me, role, limits, pickEmoji }) {
    this.#state = state;
    this.#pickEmoji = pickEmoji;
    this.#max = limits.message_chars;
    this.#long = new LongText({
      mayUpload: role !== 'usuario',
      max: this.#max,
      text: () => this.#field.value,
      onsent: (name) => this.#send(t('chat.as_file_sent', { name })),
    });
    this.#mentions = new MentionList(this.#field, () => (state.current?.members ?? []).map(({ user }) => user).filter((user) => user !== me));
    const form = byId('composer');
    const field = this.#field;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    field.addEventListener('keydown', (event) => {
      if (this.#mentions.onKey(event)) return;
      if (event.key === 'Escape' && this.#aim.kind) {
        event.preventDefault();
        this.#endAim();
      } else if (event.key === 'ArrowUp' && field.value === '' && !this.#aim.kind && !event.shiftKey) {
        const last = state.current?.thread.lastOwn;
        if (last) event.preventDefault();
        if (last) this.edit(last);
      }
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      if (touch.matches && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.#submit();
    });
    field.addEventListener('input', () => {
      if (this.#aim.kind !== 'edit') state.draft = field.value;
      this.#draw();
      this.#mentions.update();
      const now = performance.now();
      if (!isBlank(clean(field.value)) && now - this.#lastTyping > TYPING_EVERY_MS) {
        this.#lastTyping = now;
        state.sendTyping();
      }
    });
    byId('emoji').addEventListener('click', () => this.#openEmoji());
    const drawKey = () => field.setAttribute('enterkeyhint', touch.matches ? 'enter' : 'send');
    touch.addEventListener('change', drawKey);
    drawKey();
    // Keeps the phone's keyboard up when the button is pressed.
    byId('send').addEventListener('pointerdown', (event) => { if (document.activeElement === field) event.preventDefault(); });
  }

  /** Shows the open room's draft. */
  show() {
    this.#aim.clear();
    this.#long.hide();
    this.#mentions.close();
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

  /** The next text answers a message. */
  reply(message) {
    if (this.#aim.kind === 'edit') this.#endAim();
    this.#aim.set('reply', message);
    this.focus();
  }

  /** The field has the text of an own message; what it had is kept as a draft. */
  edit(message) {
    this.#aim.set('edit', message);
    this.#field.value = message.text;
    this.#draw();
    this.focus();
    this.#field.setSelectionRange(message.text.length, message.text.length);
  }

  #endAim() {
    const isEdit = this.#aim.kind === 'edit';
    this.#aim.clear();
    if (isEdit) this.show();
    this.focus();
  }

  #submit() {
    const text = clean(this.#field.value);
    if (isBlank(text)) return;
    if (count(text) > this.#max) this.#long.show(this.#aim.kind !== 'edit');
    else if (this.#aim.kind === 'edit') this.#edit(this.#aim.message, text);
    else this.#send(text);
  }

  async #edit(message, text) {
    if (text !== message.text && !await this.#state.changes.edit(message.seq, text)) return;
    if (this.#aim.message === message) this.#endAim();
  }

  #send(text) {
    if (!this.#state.send(text, this.#aim.message?.seq)) return;
    this.#state.draft = '';
    this.show();
    this.#lastTyping = -TYPING_EVERY_MS;
  }

  /** Puts text where the cursor is. */
  insert(text) {
    const field = this.#field;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    field.dispatchEvent(new Event('input'));
    field.focus();
  }

  #openEmoji() {
    const button = byId('emoji');
    button.setAttribute('aria-expanded', 'true');
    this.#pickEmoji({
      near: button,
      ontake: (emoji) => this.insert(emoji),
      onclose: () => button.setAttribute('aria-expanded', 'false'),
    });
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
    if (left >= 0) this.#long.hide();
  }
}
