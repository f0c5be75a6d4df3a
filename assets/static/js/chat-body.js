// The text of a message as elements. What a person wrote goes in as text nodes only.
import { make } from './dom.js';
import { markdown } from './markdown.js';

const TAGS = { strong: 'strong', em: 'em', strike: 's', quote: 'blockquote', bullets: 'ul', numbers: 'ol' };

/** A mention: what is typed, whose it is, and who reads. */
const mention = (text, name, me) => make('span', { class: name === me ? 'mention own-mention' : 'mention', translate: 'no' }, text);

const LEAVES = {
  text: (text) => text,
  code: (text) => make('code', {}, text),
  block: (text) => make('pre', {}, make('code', {}, text)),
  mention,
  link: (text) => make('a', { href: text, target: '_blank', rel: 'noopener noreferrer' }, text),
};

function element(node, text, me) {
  const { kind, children, value } = node;
  if (!children) return LEAVES[kind](text.slice(node.from, node.to), node.name, me);
  // The number that was typed, whatever comes before it.
  const [tag, attributes] = kind === 'item' ? ['li', { value }] : [TAGS[kind], {}];
  return make(tag, attributes, ...children.map((child) => element(child, text, me)));
}

/** The element of a text; `find` finds the mentions in it, and `me` is the reader. */
export function body(text, find = null, me = '') {
  const node = make('div', { class: 'message-text' }, ...markdown(text, find).map((one) => element(one, text, me)));
  // Last: with each piece that is added browsers look for the direction of all.
  node.dir = 'auto';
  return node;
}
