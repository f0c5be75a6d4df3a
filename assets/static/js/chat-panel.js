// The open room: its header, its messages, its people.
import { Log } from './chat-log.js';
import { People } from './chat-people.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

export class Panel {
  #room = null;
  #log = new Log();
  #people;

  constructor(me) {
    this.#people = new People(me);
    // A sign of typing goes stale by itself.
    setInterval(() => this.showTyping(), 1000);
  }

  /** Opens a room, or closes the panel with null. */
  show(room) {
    this.#room = room;
    byId('panel').hidden = !room;
    byId('main').dataset.view = room ? 'room' : 'join';
    this.#people.show(room);
    if (room) byId('panel').setAttribute('aria-labelledby', `tab-${room.code}`);
    this.refresh();
    this.#log.show(room);
  }

  refresh() {
    const room = this.#room;
    if (!room) return;
    byId('open-room-code').textContent = room.code;
    byId('open-room-meta').textContent = `${t(`kind.${room.kind}`)} · ${t('people', { n: room.members.length })}`;
    byId('seat-lost').hidden = room.state !== 'lost';
    this.#people.refresh();
    this.showTyping();
  }

  showTyping() {
    this.#log.showTyping(this.#room);
  }

  onContentAdded(what) {
    this.#log.onContentAdded(what);
  }
}
