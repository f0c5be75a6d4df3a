// The messages of the open room on the screen: where one reads, what came below, who types.
import { byId } from './dom.js';
import { t } from './i18n.js';

/** This near the end counts as being at the end. */
const NEAR_PX = 60;

export class Log {
  #box = byId('messages');
  #atEnd = true;
  #below = 0;
  #height = 0;
  /** The last line when the page last followed the messages to their end; what came since waits for the next frame. */
  #last = null;
  #frame = 0;
  #onend;

  /** `onend(is)` is told whether the end of the messages is on the screen. */
  constructor(onend) {
    this.#onend = onend;
    const box = this.#box;
    box.addEventListener('scroll', () => {
      // Not a person's scrolling but a smaller window: the observer below answers that.
      if (box.clientHeight !== this.#height) return;
      this.#look();
    }, { passive: true });
    // A phone's keyboard, a growing composer: a reader at the end stays there.
    new ResizeObserver(() => {
      this.#height = box.clientHeight;
      if (this.#atEnd) this.scrollToEnd();
    }).observe(box);
    byId('to-end').addEventListener('click', () => this.scrollToEnd());
  }

  /** Shows the thread of a room, or nothing. */
  show(room) {
    const box = this.#box;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    // Busy: a screen reader shall not read the whole room out when it is opened.
    box.setAttribute('aria-busy', 'true');
    box.replaceChildren(...(room ? [room.thread.element] : []));
    box.setAttribute('aria-busy', 'false');
    this.#below = 0;
    if (!room) return;
    box.scrollTop = box.scrollHeight;
    const newLine = box.querySelector('.new-divider');
    if (newLine && newLine.offsetTop < box.scrollTop) newLine.scrollIntoView({ block: 'start' });
    this.#look();
  }

  showTyping(room) {
    const names = room ? room.typists(performance.now()) : [];
    const key = names.length > 2 ? 'chat.typing3' : `chat.typing${names.length}`;
    byId('typing').textContent = names.length ? t(key, { a: names[0], b: names[1] }) : '';
  }

  /** Follows what was added, or counts it while one reads further up: once a frame, however much came. */
  onContentAdded({ own = false, isMessage = true }) {
    if (own) this.#set(true);
    else if (!this.#atEnd) this.#below += Number(isMessage);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#atEnd) this.scrollToEnd();
      else this.#drawButton();
    });
  }

  scrollToEnd() {
    const box = this.#box;
    box.scrollTop = box.scrollHeight;
    // A line, not its block, which grows.
    this.#last = [...box.querySelectorAll('.thread-block > :last-child, .thread-list > .message:last-child')].at(-1);
    this.#set(true);
  }

  /** Finds out where one reads. What is yet to be followed changes nothing about that. */
  #look() {
    const box = this.#box;
    let below = box.scrollHeight - box.scrollTop - box.clientHeight;
    if (this.#frame && this.#atEnd) {
      if (!this.#last?.isConnected) return;
      below = this.#last.getBoundingClientRect().bottom - box.getBoundingClientRect().bottom;
    }
    this.#set(below < NEAR_PX);
  }

  #set(isAtEnd) {
    if (isAtEnd) this.#below = 0;
    this.#atEnd = isAtEnd;
    this.#drawButton();
    this.#onend(isAtEnd);
  }

  #drawButton() {
    byId('to-end').hidden = this.#atEnd;
    byId('to-end-text').textContent = this.#below ? t('chat.below', { n: this.#below }) : t('chat.down');
  }
}
