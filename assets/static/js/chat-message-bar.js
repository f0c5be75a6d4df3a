// The actions of one message: a bar over the message that the mouse is on, that was tapped, or that the keyboard has chosen. With the
// messages in focus, arrows go from one to the next, and Enter leads to its actions.
import { byId } from './dom.js';

const STEPS = { ArrowUp: -1, ArrowDown: 1 };
/** The bar stands this far above the top of its message, and off the edges of the window of messages. */
const ABOVE_PX = 18;
const EDGE_PX = 4;

export class MessageBar {
  #box = byId('messages');
  #bar = byId('message-bar');
  #node = null;
  /** The message that had the bar when the pointer went down. */
  #before = null;
  #allowed;

  /** `allowed(node)` returns the names of the actions of a message, none for what is no message; `act(name, node)` does one. */
  constructor({ allowed, act }) {
    this.#allowed = allowed;
    const box = this.#box;
    const bar = this.#bar;
    const messageOf = (target) => target.closest('.message');
    box.addEventListener('pointerover', (event) => { if (event.pointerType === 'mouse') this.#show(messageOf(event.target)); });
    // A finger leaves before its click.
    byId('room-body').addEventListener('pointerleave', ({ pointerType }) => { if (pointerType === 'mouse' && !bar.contains(document.activeElement)) this.hide(); });
    box.addEventListener('pointerdown', () => { this.#before = this.#node; });
    box.addEventListener('click', (event) => {
      if (event.target.closest('a, button') || !getSelection().isCollapsed) return;
      const node = messageOf(event.target);
      if (event.pointerType !== 'mouse' && node === this.#before) this.hide();
      else this.#show(node);
    });
    document.addEventListener('pointerdown', (event) => { if (!byId('room-body').contains(event.target)) this.hide(); });
    box.addEventListener('scroll', () => { if (this.#node) this.#place(); }, { passive: true });
    box.addEventListener('keydown', (event) => this.#onBoxKey(event));
    box.addEventListener('focusin', (event) => { if (event.target.matches('.message:focus-visible')) this.#show(event.target); });
    bar.addEventListener('keydown', (event) => this.#onBarKey(event));
    bar.addEventListener('focusout', ({ relatedTarget }) => { if (relatedTarget && !bar.contains(relatedTarget) && relatedTarget !== this.#node) this.hide(); });
    bar.addEventListener('click', ({ target }) => {
      const name = target.closest('button')?.dataset.do;
      const node = this.#node;
      if (!name) return;
      this.hide();
      act(name, node);
    });
  }

  hide() {
    this.#node?.classList.remove('chosen');
    this.#node = null;
    this.#bar.hidden = true;
  }

  get #buttons() {
    return [...this.#bar.querySelectorAll('button:not([hidden])')];
  }

  #show(node) {
    if (node === this.#node) return;
    // What the keyboard has chosen stays while the mouse rests somewhere.
    if (this.#bar.contains(document.activeElement)) return;
    const names = node ? this.#allowed(node) : [];
    this.hide();
    if (!names.length) return;
    this.#node = node;
    node.classList.add('chosen');
    for (const button of this.#bar.querySelectorAll('button')) button.hidden = !names.includes(button.dataset.do);
    this.#bar.hidden = false;
    this.#focusable(this.#buttons[0]);
    this.#place();
  }

  #place() {
    const window = this.#box.getBoundingClientRect();
    const message = this.#node.getBoundingClientRect();
    if (!this.#node.isConnected || message.bottom < window.top || message.top > window.bottom) {
      if (!this.#bar.contains(document.activeElement)) this.hide();
      return;
    }
    const last = window.height - this.#bar.offsetHeight - EDGE_PX;
    this.#bar.style.top = `${Math.max(EDGE_PX, Math.min(message.top - window.top - ABOVE_PX, last))}px`;
  }

  #onBoxKey(event) {
    const at = document.activeElement;
    if (at !== this.#box && !at.matches('#messages .message')) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (at !== this.#box && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      this.#show(at);
      this.#buttons[0]?.focus();
      return;
    }
    if (event.key === 'Escape' && at !== this.#box) {
      this.hide();
      byId('message-field').focus();
      return;
    }
    if (!(event.key in STEPS) && event.key !== 'Home' && event.key !== 'End') return;
    const all = [...this.#box.querySelectorAll('.message')].filter((node) => this.#allowed(node).length);
    const last = all.length - 1;
    const index = all.indexOf(at);
    const from = index < 0 ? all.length : index;
    const to = { Home: 0, End: last }[event.key] ?? Math.max(0, Math.min(from + STEPS[event.key], last));
    if (!all[to]) return;
    event.preventDefault();
    all[to].focus();
  }

  #onBarKey(event) {
    const all = this.#buttons;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') {
      event.preventDefault();
      this.#node.focus();
    } else if (step) {
      event.preventDefault();
      const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
      this.#focusable(next);
      next.focus();
    }
  }

  /** One button of the bar is a stop of the Tab key. */
  #focusable(button) {
    for (const one of this.#buttons) one.tabIndex = one === button ? 0 : -1;
  }
}
