// The start page: who you are, which rooms there are.
import { CHANGED_KEY } from './page.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { complain, inform } from './notice.js';
import { session } from './api.js';
import { watchRooms } from './rooms.js';

async function greet() {
  try {
    const me = await session();
    byId('saludo').textContent = t('home.hello_name', { name: me.username });
    byId('papel').prepend(t(`role.${me.role}`), ' · ');
  } catch (error) {
    if (error.code !== 'unauthenticated') complain(errorText(error));
  }
}

// Left by the page that changes the password, when it was sent.
if (sessionStorage.getItem(CHANGED_KEY)) {
  sessionStorage.removeItem(CHANGED_KEY);
  inform(t('pw.done'));
}
greet();
watchRooms(byId('salas'), { withButton: true });
