// One message as an element, and its parts that change: the text, the quote of what it answers, the reactions.
import { body } from './chat-body.js';
import { hue, initial } from './chat-core.js';
import { mentionFinder } from './chat-mentions.js';
import { make } from './dom.js';
import { locale, t } from './i18n.js';
import { clock, fullTime } from './times.js';

/** Characters of a message that a quote of it shows. */
const QUOTED_CHARS = 140;

const list = new Intl.ListFormat(locale, { type: 'conjunction' });

/** The beginning of a message without its marks, on one line; `message` is undefined where the page does not have it. */
export function excerpt(message) {
  if (!message) return t('reply.missing');
  if (message.isRemoved) return t('chat.removed');
  const node = body(message.text);
  // Items and blocks have lines of their own.
  for (const block of node.querySelectorAll('li, pre, blockquote')) {
    block.before(' ');
    block.after(' ');
  }
  const chars = [...node.textContent.replace(/\s+/g, ' ').trim()];
  return chars.length > QUOTED_CHARS ? `${chars.slice(0, QUOTED_CHARS).join('')}…` : chars.join('');
}

/** The text of a message for its reader `me`; `people` can be mentioned. */
function textOf(message, me, people) {
  if (message.isRemoved) return make('div', { class: 'message-text removed-text muted' }, t('chat.removed'));
  const find = message.text.includes('@') ? mentionFinder(people) : null;
  return body(message.text, find, me);
}

/** Names of the people, the reader as "you". */
const named = (users, me) => list.format(users.map((user) => (user === me ? t('chat.you') : user)));

/** Puts the message's text as it is now into its element; returns true if it mentions the reader. */
export function drawText(node, message, me, people) {
  const text = textOf(message, me, people);
  node.querySelector('.message-text').replaceWith(text);
  node.querySelector('.edited')?.remove();
  if (message.edited && !message.isRemoved) text.after(make('span', { class: 'edited muted', title: fullTime(message.edited) }, t('chat.edited')));
  const isMention = message.user !== me && text.querySelector('.own-mention') !== null;
  node.classList.toggle('mentions-me', isMention);
  return isMention;
}

/** Puts the beginning of the answered message above the text. */
export function drawQuote(node, message, answered) {
  node.querySelector('.reply-quote')?.remove();
  if (!message.reply || message.isRemoved) return;
  node.querySelector('.message-body').prepend(make('button', { type: 'button', class: 'quiet reply-quote', 'data-act': 'jump', 'data-reply': message.reply, 'aria-disabled': answered ? null : 'true' },
    make('span', { class: 'visually-hidden' }, `${t('reply.to')} `),
    ...(answered ? [make('strong', { translate: 'no', class: `hue${hue(answered.user)}` }, answered.user), ' '] : []),
    make('span', { dir: 'auto' }, excerpt(answered))));
}

/** Draws `message.reactions`: emoji → names. */
export function drawReactions(node, message, me) {
  node.querySelector('.reactions')?.remove();
  if (message.isRemoved || !message.reactions?.size) return;
  const chips = [...message.reactions].map(([emoji, users]) => {
    const who = named(users, me);
    return make('button', { type: 'button', class: 'reaction', 'data-act': 'react', 'data-emoji': emoji, 'aria-pressed': String(users.includes(me)), 'aria-label': `${emoji} ${users.length}: ${who}`, title: who },
      `${emoji} ${users.length}`);
  });
  // Many reactions shall not be read out among the messages.
  node.querySelector('.message-body').append(make('div', { class: 'reactions', role: 'group', 'aria-label': t('reactions'), 'aria-live': 'off' }, ...chips));
}

/** The element of a message, without a number and a time where it is not sent yet. */
export function messageElement(message, me, people, className = '') {
  const node = make('div', { class: `message hue${hue(message.user)}${message.user === me ? ' own' : ''}${className}` },
    make('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(message.user)),
    make('span', { class: 'author', translate: 'no' }, message.user),
    message.at ? make('time', { datetime: message.at, title: fullTime(message.at) }, clock(message.at)) : null,
    make('div', { class: 'message-body' }, make('div', { class: 'message-text' })));
  drawText(node, message, me, people);
  return node;
}
