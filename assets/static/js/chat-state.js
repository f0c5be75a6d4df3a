// The one owner of what the chat knows: the rooms, the open one, drafts, and what was sent and is not acknowledged.
// Views read it and hear of changes: `selected` (another room is open), `rooms` (something about a room), `added` (to the open
// room's thread), `typing` (in the open room), `draft` (of the open room, not by the composer), `joined`, `connection`.
import { normalizeForCompare } from './chat-core.js';
import { Connection } from './chat-connection.js';
import { loadRooms, Room, saveRooms } from './chat-room.js';
import { errorText, t } from './i18n.js';
import { clear, showError, showInfo } from './notice.js';

/** A typing sign without another within this time is stale. */
const TYPING_MS = 4500;
const SAVE_AFTER_MS = 400;
/** Answers that mean that the server gives the seat up by itself. */
const ALREADY_OUT = ['network', 'not_member', 'unknown_room'];

export class ChatState extends EventTarget {
  #me;
  #maxRooms;
  #rooms = new Map();
  #current = null;
  #saveTimer = 0;
  #connection = null;

  constructor(me, maxRooms) {
    super();
    this.#me = me;
    this.#maxRooms = maxRooms;
  }

  get current() {
    return this.#current;
  }

  get rooms() {
    return [...this.#rooms.values()];
  }

  get unread() {
    return this.rooms.reduce((sum, room) => sum + room.unread, 0);
  }

  has(code) {
    return this.#rooms.has(code);
  }

  get draft() {
    return this.#current?.draft ?? '';
  }

  set draft(text) {
    if (this.#current) this.#current.draft = text;
  }

  /** Takes up the rooms of before a reload, and connects. */
  start() {
    const kept = loadRooms(this.#me);
    for (const one of kept.list) {
      const room = new Room(one, this.#me);
      room.rewindForReload();
      this.#rooms.set(room.code, room);
    }
    this.#connection = new Connection({
      onstate: (state) => this.#onConnection(state),
      onopen: () => {
        for (const room of this.rooms) if (room.state === 'waiting') this.#resume(room);
      },
      onframe: (frame) => this.#onFrame(frame),
    });
    document.addEventListener('visibilitychange', () => this.#onVisibility());
    addEventListener('pagehide', () => this.#save());
    this.select(this.has(kept.current) ? kept.current : null);
  }

  /** Opens a room by its code, or none; returns true if one is open then. */
  select(code) {
    const room = this.#rooms.get(code) ?? null;
    if (this.#current && this.#current !== room) this.#current.thread.clearNew();
    this.#current = room;
    if (room) room.unread = 0;
    this.#tell('selected');
    this.#tell('rooms');
    this.#saveSoon();
    return room !== null;
  }

  /** Opens a room that this person is in; returns false if there is none, or its seat is lost. */
  open(code) {
    const room = this.#rooms.get(code);
    return room !== undefined && room.state !== 'lost' && this.select(code);
  }

  /** Joins a room, which may be new; returns true if this person is in it. */
  async join(code, password, kind) {
    let room = this.#rooms.get(code);
    if (room?.state === 'live') return this.select(code);
    if (!room && this.#rooms.size >= this.#maxRooms) {
      showError(t('join.own_rooms', { n: this.#maxRooms }));
      return false;
    }
    let frame;
    try {
      frame = await this.#connection.request({ type: 'join', room: code, password, kind });
    } catch (error) {
      showError(errorText(error, 'join'));
      return false;
    }
    room = this.#rooms.get(code);
    if (!room) {
      room = new Room({ code, kind }, this.#me);
      this.#rooms.set(code, room);
    } else {
      room.rejoined(frame, this.#me);
    }
    room.start(frame);
    this.select(code);
    this.#save();
    this.#settle(room);
    this.#tell('joined');
    showInfo(t(frame.created ? 'join.created' : 'join.joined', { room: code }));
    return true;
  }

  /** Leaves the open room; returns true if it is gone. */
  async leave() {
    const room = this.#current;
    if (!room) return false;
    if (room.state === 'live') {
      try {
        await this.#connection.request({ type: 'leave', room: room.code });
      } catch (error) {
        if (!ALREADY_OUT.includes(error.code)) {
          showError(errorText(error, 'chat'));
          return false;
        }
      }
    }
    this.#rooms.delete(room.code);
    if (this.#current === room) this.select(null);
    this.#tell('rooms');
    this.#save();
    showInfo(t('chat.left', { room: room.code }));
    return true;
  }

  /** Sends a text to the open room; returns false if it is not taken. */
  send(text) {
    const room = this.#current;
    if (room?.state !== 'live') {
      showError(t(room?.state === 'lost' ? 'err.chat.not_member' : 'chat.wait_connection'));
      return false;
    }
    const sent = { text, stale: false };
    room.pending.push(sent);
    const forget = () => { room.pending = room.pending.filter((other) => other !== sent); };
    this.#connection.request({ type: 'send', room: room.code, text }, { deadly: true }).then(forget, (error) => {
      if (error.code === 'network') {
        sent.stale = true;
        return;
      }
      forget();
      this.#giveBack(room, text);
      if (error.code === 'not_member') this.#lose(room);
      showError(errorText(error, 'chat'));
    });
    room.thread.clearNew();
    clear();
    return true;
  }

  sendTyping() {
    if (this.#current?.state === 'live') this.#connection.notify({ type: 'typing', room: this.#current.code });
  }

  #tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #isWatched(room) {
    return room === this.#current && !document.hidden && room.thread.element.isConnected;
  }

  #save() {
    saveRooms(this.#me, this.rooms, this.#current?.code ?? null);
  }

  #saveSoon() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #giveBack(room, text) {
    room.draft = room.draft ? `${text}\n${room.draft}` : text;
    if (room === this.#current) this.#tell('draft');
  }

  /** Once everything missed has come, what was sent into the broken connection is either among it or lost. */
  #settle(room) {
    if (room.state === 'waiting' || (room.state === 'live' && room.tracker.last < room.target)) return;
    const lost = room.pending.filter((sent) => sent.stale);
    if (!lost.length) return;
    room.pending = room.pending.filter((sent) => !sent.stale);
    this.#giveBack(room, lost.map((sent) => sent.text).join('\n'));
    showError(t('chat.not_sent'));
  }

  #lose(room) {
    room.lose();
    this.#settle(room);
    this.#tell('rooms');
    this.#save();
  }

  async #resume(room) {
    const request = { type: 'resume', room: room.code, resume: room.resume, since: room.tracker.last };
    let frame;
    try {
      frame = await this.#connection.request(request, { deadly: true });
    } catch (error) {
      // After a broken connection the next one asks again.
      if (error.code === 'network') return;
      if (error.code === 'rate_limited') {
        const again = () => { if (room.state === 'waiting' && this.#connection.online) this.#resume(room); };
        setTimeout(again, (Number(error.retry_after) || 1) * 1000);
        return;
      }
      this.#lose(room);
      showError(t('chat.dropped', { room: room.code }));
      return;
    }
    if (this.#rooms.get(room.code) !== room) return;
    room.applyJoined(frame);
    this.#settle(room);
    this.#tell('rooms');
    this.#save();
  }

  #onConnection(state) {
    this.#tell('connection', { state });
    if (state === 'online') return;
    for (const room of this.rooms) if (room.state === 'live') room.state = 'waiting';
    this.#tell('rooms');
  }

  #onVisibility() {
    if (!this.#current) return;
    if (document.hidden) this.#current.thread.clearNew();
    else {
      if (this.#isWatched(this.#current)) this.#current.unread = 0;
      this.#tell('rooms');
    }
  }

  #onFrame(frame) {
    if (frame.type === 'error') {
      showError(errorText(frame, 'chat'));
      return;
    }
    const room = this.#rooms.get(frame.room);
    if (!room) return;
    if (frame.type === 'message') this.#receive(room, frame);
    else if (frame.type === 'presence') {
      room.presence(frame.user, frame.event);
      room.thread.note(t(frame.event === 'joined' ? 'chat.in' : 'chat.out', { name: frame.user }));
      if (room === this.#current) this.#tell('added', { isMessage: false });
      this.#tell('rooms');
    } else if (frame.type === 'typing' && frame.user !== this.#me) {
      room.typing.set(frame.user, performance.now() + TYPING_MS);
      if (room === this.#current) this.#tell('typing');
    } else if (frame.type === 'gap') {
      room.thread.note(t(frame.to <= room.seen ? 'chat.gap_old' : 'chat.gap'), 'divider gap-divider');
      room.tracker.skip(frame.to);
      if (room === this.#current) this.#tell('added', { isMessage: false });
      this.#settle(room);
    } else if (frame.type === 'left') {
      this.#lose(room);
    }
  }

  #receive(room, message) {
    if (!room.tracker.accept(message.seq)) return;
    const own = message.user === this.#me;
    const fresh = message.seq > room.seen;
    const missed = fresh && !own && (!this.#isWatched(room) || message.seq <= room.target);
    room.seen = Math.max(room.seen, message.seq);
    room.typing.delete(message.user);
    room.thread.add(message, missed);
    if (own) {
      const at = room.pending.findIndex((sent) => normalizeForCompare(sent.text) === message.text);
      if (at >= 0) room.pending.splice(at, 1);
    }
    if (fresh && !own && !this.#isWatched(room)) room.unread += 1;
    if (room === this.#current) {
      this.#tell('added', { own });
      this.#tell('typing');
    }
    if (!this.#isWatched(room)) this.#tell('rooms');
    this.#settle(room);
    this.#saveSoon();
  }
}
