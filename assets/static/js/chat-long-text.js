// A text that is too long for a message: offered as a file, to those who may upload.
import { clean } from './chat-text.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { clear, showError, showInfo } from './notice.js';
import { sendFile } from './upload.js';

/** Owner of the notices of this file. */
const BY = 'long-text';

/** The date as the person's clock has it. */
const today = (now = new Date()) => [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-');

export class LongText {
  #offer = byId('long-offer');
  #go = byId('long-offer-go');
  #mayUpload;
  #max;

  /** `text()` is the field's; `onsent(name)` is told the name of the file. */
  constructor({ mayUpload, max, text, onsent }) {
    this.#mayUpload = mayUpload;
    this.#max = max;
    byId('long-offer-close').addEventListener('click', () => {
      this.hide();
      byId('message-field').focus();
    });
    this.#go.addEventListener('click', () => this.#upload(text(), onsent));
  }

  /** Says that a text is too long, and what to do. An edited message cannot become a file. */
  show(canBeFile) {
    showError(t(this.#mayUpload || !canBeFile ? 'chat.over_note' : 'chat.over_note_no_upload', { max: this.#max }), BY);
    this.#offer.hidden = !this.#mayUpload || !canBeFile;
  }

  hide() {
    if (this.#offer.hidden) return;
    this.#offer.hidden = true;
    clear(BY);
  }

  async #upload(text, onsent) {
    this.#go.disabled = true;
    showInfo(t('wait'), BY);
    try {
      const file = new File([clean(text)], `${t('chat.file_name')}-${today()}.txt`, { type: 'text/plain' });
      const { name } = await sendFile(file, () => {}, new AbortController().signal);
      this.hide();
      onsent(name);
    } catch (error) {
      showError(errorText(error, 'files'), BY);
    } finally {
      this.#go.disabled = false;
    }
  }
}
