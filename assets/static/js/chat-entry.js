// The ways into a room: joining one that there is, creating one, favourites, and the lobby of group rooms.
import { codeFrom, fold, isCode, isRoomPassword } from './chat-core.js';
import { byId, icon, make } from './dom.js';
import { t } from './i18n.js';
import { showError, showInfo } from './notice.js';
import { watchRooms } from './rooms.js';

export class Entry {
  #state;
  #drawn = '';
  #fields = {
    join: { code: byId('room-code'), password: byId('room-password') },
    create: { code: byId('create-code'), password: byId('create-password') },
  };

  constructor(state) {
    this.#state = state;
    byId('to-join').addEventListener('click', () => this.#show('join', true));
    byId('to-create').addEventListener('click', () => this.#show('create', true));
    byId('generate-code').addEventListener('click', () => {
      this.#fields.create.code.value = codeFrom(crypto.getRandomValues(new Uint8Array(4)));
      this.#offer('create', null);
      this.#fields.create.password.focus();
    });
    byId('join-form').addEventListener('submit', (event) => this.#submit(event, 'join'));
    byId('create-form').addEventListener('submit', (event) => this.#submit(event, 'create'));
    for (const way of ['join', 'create']) this.#fields[way].code.addEventListener('input', () => this.#offer(way, null));
    // What was typed goes along to the other form.
    byId('join-offer-go').addEventListener('click', () => this.#carry('join', 'create', byId('create')));
    byId('create-offer-go').addEventListener('click', () => this.#carry('create', 'join', byId('join')));
    this.refreshLobby = watchRooms(byId('lobby'), { isIn: (code) => state.room(code) !== undefined });
    for (const id of ['lobby', 'favourites']) {
      byId(id).addEventListener('click', (event) => {
        const link = event.target.closest('a[data-room]');
        if (!link) return;
        event.preventDefault();
        this.#pick(link.dataset.room);
      });
    }
    byId('rejoin').addEventListener('click', () => this.#rejoin());
    state.favourites.addEventListener('change', () => this.#drawFavourites());
    state.addEventListener('rooms', () => this.#drawFavourites());
  }

  /** `/chat#crear` leads to the form that creates a room. */
  followHash() {
    if (location.hash !== '#crear') return;
    // Used up: a reload later shall not jump back here.
    history.replaceState(history.state, '', location.pathname);
    this.#state.select(null);
    this.#show('create', true);
  }

  focus() {
    this.#fields[byId('create-form').hidden ? 'join' : 'create'].code.focus();
  }

  /** Asks for the password of a room. */
  ask(code) {
    this.#show('join');
    this.#offer('join', null);
    this.#fields.join.code.value = fold(code);
    this.#fields.join.password.value = '';
    this.#fields.join.password.focus();
  }

  #show(way, isAsked = false) {
    for (const one of ['join', 'create']) {
      byId(`${one}-form`).hidden = one !== way;
      byId(`to-${one}`).setAttribute('aria-pressed', String(one === way));
    }
    if (isAsked) this.#fields[way].code.focus();
  }

  /** Says what stands in the way of a form, and offers the other one; null takes that back. */
  #offer(way, text) {
    byId(`${way}-offer`).hidden = text === null;
    byId(`${way}-offer-text`).textContent = text ?? '';
  }

  #carry(from, to, focused) {
    const code = this.#fields[from].code.value;
    for (const name of ['code', 'password']) this.#fields[to][name].value = this.#fields[from][name].value;
    this.#offer(from, null);
    // A room that this person had keeps its kind and its label.
    const known = this.#state.room(code) ?? this.#state.favourites.list.find((one) => fold(one.code) === fold(code));
    if (to === 'create' && known) {
      byId(known.kind === 'group' ? 'kind-group' : 'kind-private').checked = true;
      byId('create-label').value = known.label ?? '';
    }
    this.#show(to);
    focused.focus();
  }

  #pick(code) {
    if (this.#state.open(code)) return;
    this.#state.select(null);
    this.ask(code);
  }

  #rejoin() {
    const { code, reason } = this.#state.current;
    if (reason === 'superseded') {
      this.#state.continueHere();
      return;
    }
    this.#state.select(null);
    this.ask(code);
    showInfo(t('join.again', { room: code }));
  }

  /** Favourites in which this person is stand among the rooms already. */
  #drawFavourites() {
    const list = this.#state.favourites.list.filter((one) => !this.#state.room(one.code));
    const key = JSON.stringify(list);
    if (key === this.#drawn) return;
    this.#drawn = key;
    byId('favourites-title').hidden = list.length === 0;
    byId('favourites').replaceChildren(...list.map(({ code, kind, label }) => make('li', {},
      make('a', { class: 'room-row', href: `#sala=${encodeURIComponent(code)}`, 'data-room': code },
        icon('star'), make('strong', { translate: 'no' }, code), make('span', { class: 'muted small', dir: 'auto' }, label || t(`kind.${kind}`))))));
  }

  async #submit(event, way) {
    event.preventDefault();
    const state = this.#state;
    const { code: codeField, password: passwordField } = this.#fields[way];
    const code = codeField.value.trim();
    const password = passwordField.value;
    if (!isCode(code)) {
      showError(t('join.bad_code'));
      codeField.focus();
      return;
    }
    // Who is in it already needs no password.
    if (way === 'join' && state.open(code)) {
      this.#reset();
      return;
    }
    if (!isRoomPassword(password)) {
      showError(t('join.bad_password'));
      passwordField.focus();
      return;
    }
    const button = byId(way);
    button.disabled = true;
    try {
      const error = way === 'join' ? await state.joining.join(code, password)
        : await state.joining.create(code, password, byId('kind-group').checked ? 'group' : 'private', byId('create-label').value.trim());
      if (error === null) this.#reset();
      else if (error === 'unknown_room') this.#offer('join', t('join.unknown', { room: fold(code) }));
      else if (error === 'room_exists') this.#offer('create', t('create.exists', { room: fold(code) }));
      else passwordField.select();
    } finally {
      button.disabled = false;
    }
  }

  #reset() {
    for (const way of ['join', 'create']) {
      byId(`${way}-form`).reset();
      this.#offer(way, null);
    }
    this.#show('join');
    this.refreshLobby();
  }
}
