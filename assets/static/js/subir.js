// The plain upload form works without this; with it one sees the progress.
import './page.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { clear, complain } from './notice.js';
import { sendAll } from './upload.js';

byId('form-subir').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [file] = byId('elegir').files;
  if (!file) {
    complain(t('files.choose'));
    return;
  }
  clear();
  byId('subir').disabled = true;
  const { problems } = await sendAll([file]);
  byId('subir').disabled = false;
  if (problems.length) complain(problems[0]);
  else location.assign('/listar');
});
