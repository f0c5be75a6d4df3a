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
