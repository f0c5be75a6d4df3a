// The one place of a view where it says what happened: #notice.
import { byId, icon, make } from './dom.js';
import { t } from './i18n.js';

/** A plain notice goes after this long; an error stays until it is closed or replaced, or its cause has gone. */
const NOTICE_MS = 8000;
let timer = 0;
let owner = '';

/** The notice of the view on the screen, with its button; null on a page without one. */
function place() {
  const box = byId('notice');
  if (box && !box.nextElementSibling) {
    const close = make('button', { type: 'button', class: 'quiet icon-button', 'aria-label': t('notice.close') }, icon('close'));
    close.addEventListener('click', () => clear());
    box.after(close);
    if (!box.textContent) box.parentElement.dataset.kind = '';
  }
  return box;
}

function put(text, kind, by) {
  const box = place();
  if (!box) return;
  clearTimeout(timer);
  owner = by;
  box.parentElement.dataset.kind = text ? kind : '';
  box.setAttribute('role', kind === 'error' ? 'alert' : 'status');
  box.textContent = text;
  if (text && kind !== 'error') timer = setTimeout(clear, NOTICE_MS);
}

/** `by` names the cause, for `clear` when it has gone: a room, a form, the connection. */
export const showInfo = (text, by = '') => put(text, 'note', by);
export const showError = (text, by = '') => put(text, 'error', by);

/** Takes the notice away; with `by` only one of that cause. */
export function clear(by = owner) {
  if (by === owner) put('', 'note', '');
}

place();
