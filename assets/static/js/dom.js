// Building elements. Text only ever goes in as text.
import { t } from './i18n.js';

const SVG = 'http://www.w3.org/2000/svg';

/** An element; a `true` attribute is bare, `false` and null ones are left out. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

// Older browsers have no segmenter: there a mark may stand at the cut.
const segmenter = 'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;
const MIN_CUT = 16;

/** Returns a text as two parts for an element of the class `cut`, which has its ellipsis between them where it is too narrow: the last
 * `tail` characters, and in a file's name its extension too, stay. */
export function cutInTheMiddle(text, tail = 6) {
  const all = segmenter ? [...segmenter.segment(text)].map(({ segment }) => segment) : [...text];
  const dot = all.lastIndexOf('.');
  const extension = dot > 0 && all.length - dot <= MIN_CUT / 2 ? all.length - dot : 0;
  const at = all.length <= MIN_CUT ? all.length : all.length - tail - extension;
  return [all.slice(0, at), all.slice(at)].map((part) => make('span', {}, part.join('')));
}

export function icon(name, className = 'icon') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', new URL(`../img/icons.svg#${name}`, import.meta.url).href);
  svg.append(use);
  return svg;
}

/** Views that are kept while another one is shown. */
export const keptMains = new Set();

/** The element of the page, or else of a kept view, so that what belongs to the chat finds its parts from everywhere. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found) return found;
  for (const main of keptMains) {
    const kept = main.querySelector(`#${id}`);
    if (kept) return kept;
  }
  return null;
}

/** Shows nothing before 300 ms, then a skeleton, and after 5 s why it takes long. Returns the function that ends the wait. */
export function showSkeleton(box) {
  const timers = [
    setTimeout(() => {
      box.replaceChildren(make('p', { class: 'visually-hidden' }, t('wait')), ...[1, 2, 3].map(() => make('div', { class: 'skeleton' })));
    }, 300),
    setTimeout(() => box.append(make('p', { class: 'muted small' }, t('wait.long'))), 5000),
  ];
  return () => timers.forEach(clearTimeout);
}
