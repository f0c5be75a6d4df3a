// The rooms of a person on this page, and what this browser keeps of them: drafts, unsent texts, which one was open.
import { fold } from './chat-core.js';
import { Room } from './chat-room.js';
import { Storage } from './chat-storage.js';

const SAVE_AFTER_MS = 400;

export class Rooms {
  #me;
  #outbox;
  #storage;
  #rooms = new Map();
  #saveTimer = 0;
  /** Which run of the server the rooms are of; null before the first `welcome`. */
  #boot = null;

  constructor(me, outbox) {
    this.#me = me;
    this.#outbox = outbox;
    this.#storage = new Storage(me);
    addEventListener('pagehide', () => this.#save());
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.#save(); });
  }

  get all() {
    return [...this.#rooms.values()];
  }

  find(code) {
    return this.#rooms.get(fold(code));
  }

  /** The code of the room that this tab showed last. */
  get open() {
    return this.#storage.open;
  }

  set open(code) {
    this.#storage.open = code;
  }

  /** Takes up the rooms of before a reload. */
  load() {
    const kept = this.#storage.rooms();
    this.#boot = kept.boot;
    for (const one of kept.list) {
      const room = this.add(one);
      if (one.reason) room.lose(one.reason);
    }
  }

  /** Notes the server's run; returns true if it is another than before. */
  isRestart(boot) {
    const is = this.#boot !== null && this.#boot !== boot;
    this.#boot = boot;
    return is;
  }

  add(one) {
    const room = new Room(one, this.#me);
    room.draft = this.#storage.draft(room.key);
    room.savedDraft = room.draft;
    this.#rooms.set(room.key, room);
    this.#outbox.restore(room, this.#storage.unsent()[room.key] ?? []);
    return room;
  }

  remove(room) {
    room.draft = '';
    room.unsent = [];
    this.#save();
    this.#rooms.delete(room.key);
    this.saveList();
  }

  saveList() {
    this.#storage.saveRooms(this.#boot, this.all);
  }

  saveSoon() {
    this.#saveTimer ||= setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = 0;
    for (const room of this.all) {
      if (room.draft !== room.savedDraft) this.#storage.saveDraft(room.key, room.draft);
      room.savedDraft = room.draft;
    }
    this.#storage.saveUnsent(this.all);
  }

  /** Calls `onadd(room)` for each room that another tab has joined. */
  follow(onadd) {
    addEventListener('storage', (event) => {
      if (event.key !== this.#storage.roomsKey) return;
      for (const one of this.#storage.rooms().list) {
        const known = this.find(one.code);
        if (!one.reason && (!known || known.state === 'lost')) onadd(known ?? this.add(one));
      }
    });
  }
}
