// The plain upload form works without this; with it one sees the progress.
import { byId } from './dom.js';
import { t } from './i18n.js';
import { visit } from './navigation.js';
import { clear, showError, showInfo } from './notice.js';
import { sendAll, sentText } from './upload.js';

export function mount(main) {
  const stop = new AbortController();
  const button = byId('upload');
  byId('upload-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const [file] = byId('file-input').files;
    if (!file) {
      showError(t('files.choose'));
      return;
    }
    clear();
    button.disabled = true;
    const { sent, problems } = await sendAll([file]);
    button.disabled = false;
    if (problems.length) showError(problems[0]);
    else if (main.isConnected) visit('/listar');
    else showInfo(sentText(sent));
  }, { signal: stop.signal });
  return () => {
    stop.abort();
    // With the file on its way the form stays, and its progress is there on the next visit.
    return button.disabled;
  };
}
