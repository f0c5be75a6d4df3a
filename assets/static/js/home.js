// The start page: who you are, which rooms there are.
import { CHANGED_KEY } from './page.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showInfo } from './notice.js';
import { facts } from './api.js';
import { watchRooms } from './rooms.js';

export function mount() {
  const stop = new AbortController();
  // Left by the page that changes the password, when it was sent.
  if (sessionStorage.getItem(CHANGED_KEY)) {
    sessionStorage.removeItem(CHANGED_KEY);
    showInfo(t('pw.done'));
  }
  const { username, role } = facts().session;
  byId('greeting').textContent = t('home.hello_name', { name: username });
  byId('role').prepend(t(`role.${role}`), ' ');
  watchRooms(byId('rooms'), { withButton: true, signal: stop.signal });
  return () => stop.abort();
}
