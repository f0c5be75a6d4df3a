// The one place of a page where it says what happened: #aviso.
import { byId, icon, make } from './dom.js';
import { t } from './i18n.js';

/** A plain notice goes after this long; an error stays until it is closed or replaced. */
const NOTICE_MS = 8000;
let timer = 0;

function put(text, kind) {
  const box = byId('notice');
  clearTimeout(timer);
  box.parentElement.dataset.kind = kind;
  box.setAttribute('role', kind === 'error' ? 'alert' : 'status');
  box.textContent = text;
  if (text && kind !== 'error') timer = setTimeout(clear, NOTICE_MS);
}

export const showInfo = (text) => put(text, 'nota');
export const showError = (text) => put(text, 'error');
export const clear = () => put('', 'nota');

const close = make('button', { type: 'button', class: 'quiet icon-button', 'aria-label': t('notice.close') }, icon('close'));
close.addEventListener('click', clear);
byId('notice').after(close);
