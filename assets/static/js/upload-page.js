// The plain upload form works without this; with it one sees the progress.
import './page.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { clear, showError } from './notice.js';
import { sendAll } from './upload.js';

byId('upload-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [file] = byId('file-input').files;
  if (!file) {
    showError(t('files.choose'));
    return;
  }
  clear();
  byId('upload').disabled = true;
  const { problems } = await sendAll([file]);
  byId('upload').disabled = false;
  if (problems.length) showError(problems[0]);
  else location.assign('/listar');
});
