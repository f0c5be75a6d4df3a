// The aim of the composer other than a new message: an answer to one, or the edit of one.
import { excerpt } from './chat-message.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

export class Aim {
  #box = byId('aim');
  /** `reply` or `edit`; empty for a new message. */
  kind = '';
  message = null;

  /** `onend()` is called when a person drops the aim. */
  constructor(onend) {
    byId('aim-close').addEventListener('click', onend);
  }

  set(kind, message) {
    this.kind = kind;
    this.message = message;
    this.#box.hidden = false;
    byId('aim-title').textContent = kind === 'edit' ? t('chat.editing') : t('reply.aim', { name: message.user });
    byId('aim-text').textContent = excerpt(message);
    byId('aim-close').setAttribute('aria-label', t(kind === 'edit' ? 'chat.editing_stop' : 'reply.stop'));
  }

  clear() {
    this.kind = '';
    this.message = null;
    this.#box.hidden = true;
  }
}
