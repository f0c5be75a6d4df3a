// The start page: who you are, which rooms there are.
import { CHANGED_KEY } from './page.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { showError, showInfo } from './notice.js';
import { session } from './api.js';
import './navigation.js';
import { watchRooms } from './rooms.js';

async function greet(greeting, role) {
  try {
    const me = await session();
    greeting.textContent = t('home.hello_name', { name: me.username });
    role.prepend(t(`role.${me.role}`), ' ');
  } catch (error) {
    if (error.code !== 'unauthenticated') showError(errorText(error));
  }
}

export function mount() {
  const stop = new AbortController();
  // Left by the page that changes the password, when it was sent.
  if (sessionStorage.getItem(CHANGED_KEY)) {
    sessionStorage.removeItem(CHANGED_KEY);
    showInfo(t('pw.done'));
  }
  greet(byId('greeting'), byId('role'));
  watchRooms(byId('rooms'), { withButton: true, signal: stop.signal });
  return () => stop.abort();
}
