// The way in: code, password, kind, and the lobby of group rooms.
import { codeFrom, isCode, isRoomPassword } from './chat-core.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showError } from './notice.js';
import { watchRooms } from './rooms.js';


export class Entry {
  #code = byId('room-code');
  #password = byId('room-password');
  #open;

  constructor(state) {
    this.#open = (code) => state.open(code);
    byId('generate-code').addEventListener('click', () => {
      this.#code.value = codeFrom(crypto.getRandomValues(new Uint8Array(4)));
      this.#password.focus();
    });
    byId('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(state);
    });
    this.refreshLobby = watchRooms(byId('lobby'), { isIn: (code) => state.has(code) });
    byId('lobby').addEventListener('click', (event) => {
      const link = event.target.closest('a[data-room]');
      if (!link) return;
      event.preventDefault();
      this.#pick(link.dataset.room);
    });
  }

  focus() {
    this.#code.focus();
  }

  ask(code) {
    this.#code.value = code;
    this.#password.value = '';
    this.#password.focus();
  }

  #pick(code) {
    if (!this.#open(code)) this.ask(code);
  }

  async #submit(state) {
    const code = this.#code.value.trim();
    const password = this.#password.value;
    if (!isCode(code)) {
      showError(t('join.bad_code'));
      this.#code.focus();
      return;
    }
    if (!isRoomPassword(password) && !this.#open(code)) {
      showError(t('join.bad_password'));
      this.#password.focus();
      return;
    }
    const button = byId('join');
    button.disabled = true;
    try {
      const kind = byId('kind-group').checked ? 'group' : 'private';
      if (await state.join(code, password, kind)) {
        this.#code.value = '';
        this.#password.value = '';
        this.refreshLobby();
      } else {
        this.#password.select();
      }
    } finally {
      button.disabled = false;
    }
  }
}
