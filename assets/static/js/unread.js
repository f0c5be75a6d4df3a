// Unread messages where every page shows them: the title, the icon of the tab, the navigation.
import { make } from './dom.js';
import { t } from './i18n.js';

/** Past this the badge says only that there are more. */
const MOST = 99;
const icon = document.querySelector('link[rel=icon]');
const plainIcon = icon.getAttribute('href');
const dottedIcon = new URL('../img/seedling-unread.svg', import.meta.url).pathname;
let title = document.title;
let unread = 0;

function draw() {
  document.title = unread ? `(${unread}) ${title}` : title;
  const wanted = unread ? dottedIcon : plainIcon;
  if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  const link = document.querySelector('.main-nav a[href="/chat"]');
  link?.querySelector('.nav-badge')?.remove();
  if (!unread) return;
  link?.append(make('span', { class: 'nav-badge' },
    make('span', { 'aria-hidden': 'true' }, unread > MOST ? `${MOST}+` : unread),
    make('span', { class: 'visually-hidden' }, t('chat.unread', { n: unread }))));
}

/** The page's title, without what is unread. */
export function setTitle(text) {
  title = text;
  draw();
}

export function showUnread(count) {
  if (count === unread) return;
  unread = count;
  draw();
}
