// The text of a message as elements. What a person wrote goes in as text nodes only.
import { make } from './dom.js';
import { markdown } from './markdown.js';

const TAGS = { strong: 'strong', em: 'em', strike: 's', quote: 'blockquote', bullets: 'ul', numbers: 'ol' };

const LEAVES = {
  text: (text) => text,
  code: (text) => make('code', {}, text),
  block: (text) => make('pre', {}, make('code', {}, text)),
  link: (text) => make('a', { href: text, target: '_blank', rel: 'noopener noreferrer' }, text),
};

function element(node, text) {
  const { kind, children, value } = node;
  if (!children) return LEAVES[kind](text.slice(node.from, node.to));
  // The number that was typed, whatever comes before it.
  const [tag, attributes] = kind === 'item' ? ['li', { value }] : [TAGS[kind], {}];
  return make(tag, attributes, ...children.map((child) => element(child, text)));
}

export const body = (text) => make('div', { class: 'message-text', dir: 'auto' }, ...markdown(text).map((node) => element(node, text)));
