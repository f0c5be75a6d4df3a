// Search in the messages of the open room that this page has. Case and accents make no difference.
import { byId } from './dom.js';
import { foldAccents } from './fold.js';
import { t } from './i18n.js';

const MAX_HITS = 500;
const SEARCH_AFTER_MS = 120;
/** Not in every browser; the message with the present hit is marked in all. */
const highlights = globalThis.Highlight && CSS.highlights;

/** Finds `wanted`, which is folded, in a text; returns pairs of positions in the text as it is. */
export function findFolded(text, wanted, most) {
  if (!wanted || !foldAccents(text).includes(wanted)) return [];
  // For each unit of the folded text, where its character begins.
  const origins = [];
  let folded = '';
  let position = 0;
  for (const char of text) {
    const part = foldAccents(char);
    for (let unit = 0; unit < part.length; unit += 1) origins.push(position);
    folded += part;
    position += char.length;
  }
  const found = [];
  for (let at = folded.indexOf(wanted); at >= 0 && found.length < most; at = folded.indexOf(wanted, at + wanted.length)) {
    const end = at + wanted.length;
    found.push([origins[at], end < origins.length ? origins[end] : text.length]);
  }
  return found;
}

/** A range of an element's text, which may be in several pieces. */
function rangeIn(element, [from, to]) {
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let start = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const end = start + node.data.length;
    if (start <= from && from < end) range.setStart(node, from - start);
    if (start < to && to <= end) {
      range.setEnd(node, to - start);
      break;
    }
    start = end;
  }
  return range;
}

export class Search {
  #bar = byId('find-bar');
  #field = byId('find-field');
  #room = null;
  #hits = [];
  #at = -1;
  #timer = 0;

  constructor() {
    byId('find').addEventListener('click', () => { if (this.#bar.hidden) this.#open(); else this.close(); });
    byId('find-close').addEventListener('click', () => this.close());
    byId('find-previous').addEventListener('click', () => this.#step(-1));
    byId('find-next').addEventListener('click', () => this.#step(1));
    this.#field.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), SEARCH_AFTER_MS);
    });
    this.#bar.addEventListener('submit', (event) => event.preventDefault());
    this.#bar.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        event.preventDefault();
        this.close();
      } else if (event.key === 'Enter' && event.target === this.#field && !event.isComposing) {
        event.preventDefault();
        this.#step(event.shiftKey ? 1 : -1);
      }
    });
  }

  /** Another room is open. */
  show(room) {
    if (room === this.#room) return;
    this.#room = room;
    if (!this.#bar.hidden) this.close(false);
  }

  /** Something was added or has changed: what was found there counts. */
  refresh() {
    if (this.#bar.hidden || !this.#field.value) return;
    const element = this.#hits[this.#at]?.element;
    this.#find();
    this.#at = this.#hits.findLastIndex((hit) => hit.element === element);
    this.#draw();
  }

  close(withFocus = true) {
    clearTimeout(this.#timer);
    this.#bar.hidden = true;
    byId('find').setAttribute('aria-expanded', 'false');
    this.#field.value = '';
    this.#hits = [];
    this.#at = -1;
    this.#draw();
    if (withFocus) byId('find').focus();
  }

  #open() {
    this.#bar.hidden = false;
    byId('find').setAttribute('aria-expanded', 'true');
    this.#draw();
    this.#field.focus();
  }

  #find() {
    const wanted = foldAccents(this.#field.value.trim());
    this.#hits = [];
    if (!wanted) return;
    const all = [...this.#room.thread.element.querySelectorAll('.message-text:not(.removed-text)')];
    // From the newest, so that the oldest are left out.
    for (const element of all.reverse()) {
      const found = findFolded(element.textContent, wanted, MAX_HITS - this.#hits.length);
      this.#hits.unshift(...found.map((place) => ({ element, range: rangeIn(element, place) })));
      if (this.#hits.length >= MAX_HITS) break;
    }
  }

  #search() {
    this.#find();
    this.#at = this.#hits.length - 1;
    this.#reveal();
  }

  #step(by) {
    const many = this.#hits.length;
    if (!many) return;
    this.#at = (this.#at + by + many) % many;
    this.#reveal();
  }

  #reveal() {
    this.#draw();
    this.#hits[this.#at]?.element.closest('.message').scrollIntoView({ block: 'nearest' });
  }

  #draw() {
    const many = this.#hits.length;
    const hasWords = this.#field.value.trim() !== '';
    byId('find-count').textContent = many ? t('find.count', { at: this.#at + 1, total: many }) : hasWords ? t('find.none') : '';
    for (const id of ['find-previous', 'find-next']) byId(id).disabled = many < 2;
    for (const one of document.querySelectorAll('.message.hit')) one.classList.remove('hit');
    const present = this.#hits[this.#at];
    present?.element.closest('.message').classList.add('hit');
    if (!highlights) return;
    highlights.set('found', new Highlight(...this.#hits.map((hit) => hit.range)));
    highlights.set('found-here', new Highlight(...(present ? [present.range] : [])));
  }
}
