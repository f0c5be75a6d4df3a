// The open room: its header, its messages, its people.
import { copyText } from './clipboard.js';
import { dayOf } from './chat-core.js';
import { Log } from './chat-log.js';
import { excerpt } from './chat-message.js';
import { MessageBar } from './chat-message-bar.js';
import { People } from './chat-people.js';
import { Search } from './chat-search.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showError, showInfo } from './notice.js';

export class Panel {
  #state;
  #room = null;
  #log;
  #people;
  #search = new Search();
  #bar;
  /** The message that a person is asked about. */
  #toRemove = null;
  #day = dayOf(Date.now());

  /** `onreply(message)` and `onedit(message)` lead to the composer; `pickEmoji(use)` opens the picker. */
  constructor(me, state, { onreply, onedit, pickEmoji }) {
    this.#state = state;
    this.#people = new People(me);
    this.#log = new Log((isAtEnd) => { state.isAtEnd = isAtEnd; });
    this.#bar = new MessageBar({
      allowed: (node) => this.#allowed(this.#room?.thread.messageAt(node), me),
      act: (name, node) => {
        const message = this.#room.thread.messageAt(node);
        if (name === 'copy') this.#copy(message);
        else if (name === 'reply') onreply(message);
        else if (name === 'edit') onedit(message);
        else if (name === 'remove') this.#askToRemove(message);
        else pickEmoji({ near: node, ontake: (emoji) => this.#react(node, message, emoji), onclose: () => {} });
      },
    });
    // A sign of typing goes stale by itself, and so does "today".
    setInterval(() => {
      this.showTyping();
      this.#checkDay();
    }, 1000);
    document.addEventListener('visibilitychange', () => this.#checkDay());
    state.favourites.addEventListener('change', () => this.refresh());
    byId('favourite').addEventListener('click', () => state.favourites.toggle(this.#room));
    byId('messages').addEventListener('click', (event) => {
      const { act, reply, emoji } = event.target.closest('[data-act]')?.dataset ?? {};
      const node = event.target.closest('.message');
      if (act === 'jump') this.#jump(Number(reply));
      else if (act === 'react') this.#react(node, this.#room.thread.messageAt(node), emoji);
      const item = act && this.#room?.thread.unsentAt(event.target);
      if (item) state.resolveUnsent(item, act === 'retry');
    });
    byId('confirm-remove').addEventListener('close', ({ target }) => {
      if (target.returnValue === 'yes') state.changes.remove(this.#toRemove.seq);
      target.returnValue = '';
      byId('message-field').focus();
    });
    byId('end-room').addEventListener('click', () => {
      byId('confirm-end-name').textContent = this.#room.code;
      byId('confirm-end').showModal();
    });
    byId('confirm-end').addEventListener('close', () => {
      const dialog = byId('confirm-end');
      if (dialog.returnValue === 'yes') state.end();
      dialog.returnValue = '';
    });
  }

  /** Opens a room, or closes the panel with null. */
  show(room) {
    this.#room = room;
    byId('panel').hidden = !room;
    byId('main').dataset.view = room ? 'room' : 'join';
    this.#people.show(room);
    this.#search.show(room);
    this.#bar.hide();
    if (room) {
      byId('panel').setAttribute('aria-labelledby', `tab-${room.key}`);
      room.thread.refreshDays();
    }
    this.refresh();
    this.#log.show(room);
  }

  refresh() {
    const room = this.#room;
    if (!room) return;
    byId('open-room-code').textContent = room.code;
    byId('open-room-label').textContent = room.label;
    byId('open-room-meta').textContent = room.people ? `${t(`kind.${room.kind}`)} · ${t('people', { n: room.people })}` : t(`kind.${room.kind}`);
    const isLost = room.state === 'lost';
    byId('seat-lost').hidden = !isLost;
    if (isLost) {
      byId('seat-lost-text').textContent = t(`lost.${room.reason}`);
      byId('rejoin').textContent = t(room.reason === 'superseded' ? 'chat.continue_here' : 'chat.rejoin');
    }
    byId('end-room').hidden = !room.canEnd;
    const isFavourite = this.#state.favourites.has(room.code);
    byId('favourite').setAttribute('aria-pressed', String(isFavourite));
    this.#people.refresh();
    this.showTyping();
  }

  showTyping() {
    this.#log.showTyping(this.#room);
  }

  onContentAdded(what) {
    this.#log.onContentAdded(what);
    this.#search.refresh();
  }

  #allowed(message, me) {
    if (!message || message.isRemoved) return [];
    if (this.#room.state !== 'live') return ['copy'];
    return message.user === me ? ['react', 'reply', 'copy', 'edit', 'remove'] : ['react', 'reply', 'copy'];
  }

  async #copy(message) {
    if (await copyText(message.text)) showInfo(t('chat.copied'));
    else showError(t('chat.copy_failed'));
  }

  /** Brings the answered message into sight, and the focus to it. */
  #jump(seq) {
    const node = this.#room.thread.nodeOf(seq);
    if (!node) return;
    node.scrollIntoView({ block: 'center' });
    node.focus({ preventScroll: true });
  }

  async #react(node, message, emoji) {
    await this.#state.changes.react(message.seq, emoji);
    // The chips are drawn anew: the focus stays with the message.
    if (!node.contains(document.activeElement)) node.focus({ preventScroll: true });
  }

  #askToRemove(message) {
    const dialog = byId('confirm-remove');
    this.#toRemove = message;
    byId('confirm-remove-text').textContent = excerpt(message);
    dialog.showModal();
  }

  #checkDay() {
    const day = dayOf(Date.now());
    if (day === this.#day) return;
    this.#day = day;
    this.#room?.thread.refreshDays();
  }
}
