// The chat page: the views of the chat's state, and the address of the open room.
import { Composer } from './chat-composer.js';
import { drawConnection } from './chat-connection.js';
import { isCode } from './chat-core.js';
import { EmojiPicker } from './chat-emoji.js';
import { Entry } from './chat-entry.js';
import { Guest, InvitationDialog } from './chat-invitation.js';
import { Panel } from './chat-panel.js';
import { roomList } from './chat-room-list.js';
import { chat } from './chat-service.js';
import { byId } from './dom.js';
import { t, waitText } from './i18n.js';
import { keepInvitation } from './invitation.js';
import { pushAddress, replaceAddress } from './navigation.js';
import { setTitle } from './unread.js';

const LIST = '/chat';
const addressOf = (code) => `${LIST}#sala=${encodeURIComponent(code)}`;
const same = (one, other) => one?.toUpperCase() === other?.toUpperCase();

/** The room that the address names; null for none, undefined if the fragment is about something else. */
function addressed() {
  const code = new URLSearchParams(location.hash.slice(1)).get('sala');
  if (code && isCode(code)) return code;
  return location.hash.length > 1 ? undefined : null;
}

/** The views, built on the first visit and kept. Away from this page they draw nothing. */
class Chat {
  #main;
  #state;
  #entry;
  #composer;
  #panel;
  #drawRooms;
  #guest;
  /** A room that the address names and that this person is not known to be in yet. */
  #awaited = null;
  /** The history is being led back from a room to the list. */
  #goingBack = false;
  /** Scroll position of the open room when the page was left; null at its end. */
  #left = null;

  constructor(main, { state, me, role, limits }) {
    this.#main = main;
    this.#state = state;
    const picker = new EmojiPicker(me);
    const pickEmoji = (use) => picker.open(use);
    this.#panel = new Panel(me, state, {
      onreply: (message) => this.#composer.reply(message),
      onedit: (message) => this.#composer.edit(message),
      pickEmoji,
    });
    this.#drawRooms = roomList((code) => state.select(code));
    this.#composer = new Composer(state, { me, role, limits, pickEmoji });
    this.#entry = new Entry(state);
    this.#guest = new Guest(state);
    new InvitationDialog(state);
    const { wipe_minutes: minutes } = limits;
    if (minutes) main.querySelector('.ephemeral-note').textContent = t('chat.ephemeral_after', { wait: waitText(minutes * 60) });

    this.#on('selected', () => this.#onSelected());
    this.#on('rooms', () => this.#onRooms());
    this.#on('added', (detail) => this.#panel.onContentAdded(detail));
    this.#on('typing', () => this.#panel.showTyping());
    this.#on('draft', () => this.#composer.show());
    this.#on('joined', () => this.#composer.focus());

    byId('leave-room').addEventListener('click', async () => {
      if (!await state.leave()) return;
      this.#entry.refreshLobby();
      this.#entry.focus();
    });
    byId('back-to-rooms').addEventListener('click', () => state.select(null));
    byId('another-room').addEventListener('click', () => {
      state.select(null);
      this.#entry.focus();
    });
  }

  /** On the screen: everything as it is now. The list of rooms is read by itself the first time. */
  show(isFirst) {
    const left = this.#left;
    drawConnection();
    if (!isFirst) this.#entry.refreshLobby();
    if (addressed()) this.follow();
    else {
      this.#state.select(this.#state.current?.code ?? null);
      this.#entry.followHash();
    }
    const box = byId('messages');
    if (left && left.code === this.#state.current?.code && !box.querySelector('.new-divider')) box.scrollTop = left.top;
    this.#guest.use();
  }

  leave() {
    const box = byId('messages');
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
    this.#left = atEnd || !this.#state.current ? null : { code: this.#state.current.code, top: box.scrollTop };
  }

  showList() {
    this.#state.select(null);
  }

  /** Opens what the address names. Under a room there is always the list, so that going back leads out of the room only. */
  follow() {
    keepInvitation();
    this.#guest.use();
    if (this.#goingBack) {
      this.#goingBack = false;
      this.#writeAddress();
      return;
    }
    const code = addressed();
    this.#awaited = null;
    if (code === undefined) {
      this.#entry.followHash();
      return;
    }
    if (code === null) {
      if (this.#state.current) this.#state.select(null);
      return;
    }
    if (!history.state?.overList) replaceAddress(LIST);
    if (this.#state.select(code)) return;
    this.#awaited = code;
    this.#entry.ask(code);
  }

  #on(type, act) {
    this.#state.addEventListener(type, ({ detail }) => { if (this.#main.isConnected) act(detail); });
  }

  #onSelected() {
    const { current } = this.#state;
    if (current) this.#awaited = null;
    this.#panel.show(current);
    this.#composer.show();
    setTitle(current ? t('chat.room_title', { room: current.code }) : t('chat.title'));
    this.#writeAddress();
  }

  #onRooms() {
    const state = this.#state;
    this.#drawRooms(state.rooms, state.current);
    this.#panel.refresh();
    this.#composer.refresh();
    byId('another-room').hidden = state.rooms.length === 0;
    // Memberships may come after the address was read.
    if (this.#awaited && state.room(this.#awaited)) {
      const code = this.#awaited;
      this.#awaited = null;
      state.open(code);
    }
  }

  #writeAddress() {
    if (this.#goingBack) return;
    const open = this.#state.current?.code;
    const named = addressed();
    if (open && same(open, named)) return;
    if (open && named) replaceAddress(addressOf(open), { overList: history.state?.overList });
    else if (open) pushAddress(addressOf(open), { overList: true });
    else if (!named) return;
    else if (history.state?.overList) {
      this.#goingBack = true;
      history.back();
    } else replaceAddress(LIST);
  }
}

let view = null;

export function mount(main) {
  const isFirst = view === null;
  view ??= new Chat(main, chat());
  view.show(isFirst);
  return () => {
    view.leave();
    return true;
  };
}

export const follow = () => view?.follow();
export const revisit = () => view?.showList();
