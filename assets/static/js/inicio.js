// The start page: who you are, which rooms there are, your password.
import './page.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { complain } from './notice.js';
import { call, session } from './api.js';
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

function passwordForm() {
  const form = byId('form-clave');
  const current = byId('clave-actual');
  const fresh = byId('clave-nueva');
  const button = byId('cambiar-clave');
  const say = (text, bad) => {
    const line = byId('estado-clave');
    line.textContent = text;
    line.className = bad ? 'chico mal' : 'chico bien';
  };
  byId('cuenta').hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!current.value || !fresh.value) {
      say(t('pw.both'), true);
      (current.value ? fresh : current).focus();
      return;
    }
    button.disabled = true;
    say('', false);
    try {
      await call('POST', '/api/password', { current: current.value, new: fresh.value });
      form.reset();
      say(t('pw.done'), false);
    } catch (error) {
      say(errorText(error, 'pw'), true);
      (error.code === 'weak_password' ? fresh : current).focus();
    } finally {
      button.disabled = false;
    }
  });
}

passwordForm();
greet();
watchRooms(byId('salas'), { withButton: true });
