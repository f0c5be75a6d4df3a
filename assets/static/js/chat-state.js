// The one owner of what the chat knows: the rooms, the open one, drafts, what is read, and what was sent and is not acknowledged.
// Views read it and hear of changes: `selected` (another room is open), `rooms` (something about a room), `added` (to the open
// room's thread), `typing` (in the open room), `draft` (of the open room, not by the composer), `joined`, `connection`.
import { hearAnnouncement } from './announcements.js';
import { fold } from './chat-core.js';
import { applyChange, Changes, fromFrame, isChange } from './chat-changes.js';
import { Connection } from './chat-connection.js';
import { Favourites } from './chat-favourites.js';
import { Joining } from './chat-joining.js';
import { Outbox } from './chat-outbox.js';
import { Reading } from './chat-reading.js';
import { Rooms } from './chat-rooms.js';
import { errorText, t } from './i18n.js';
import { clear, showError, showInfo } from './notice.js';

/** Many messages are one change of the list of rooms. */
const ROOMS_AFTER_MS = 50;
/** Without a missed message for this long there is none left. */
const SILENCE_MS = 4000;
/** Answers that mean that this person is in the room no more. */
const ALREADY_OUT = ['not_member', 'unknown_room'];

export class ChatState extends EventTarget {
  #me;
  #rooms;
  #current = null;
  #connection = null;
  #outbox;
  #reading;
  #roomsTimer = 0;
  /** The room that was open before a reload, until `welcome` has told which there are. */
  #toOpen = null;

  constructor(me, maxRooms) {
    super();
    this.#me = me;
    this.favourites = new Favourites(me);
    this.changes = new Changes((frame) => this.#connection.request({ ...frame, room: this.#current.code }, { deadly: true }));
    this.#outbox = new Outbox({
      request: (frame) => this.#connection.request(frame, { deadly: true }),
      onchange: (room) => {
        if (room === this.#current) this.#tell('added', { isMessage: false });
        this.#rooms.saveSoon();
      },
      onrefused: (room) => {
        room.state = 'waiting';
        this.#enter(room);
      },
    });
    this.#rooms = new Rooms(me, this.#outbox);
    this.joining = new Joining(maxRooms, this.#rooms, {
      request: (frame) => this.#connection.request(frame),
      onjoined: (room) => {
        this.select(room.code);
        this.#settleSoon(room);
        this.#rooms.saveList();
        this.#tell('joined');
      },
      onreturn: (room) => this.select(room.code),
    });
    this.#reading = new Reading({
      notify: (frame) => this.#connection?.notify(frame),
      onread: () => this.#tell('rooms'),
      onaway: () => { if (this.#current?.unread === 0) this.#current.thread.clearNew(); },
    });
  }

  get current() {
    return this.#current;
  }

  get rooms() {
    return this.#rooms.all;
  }

  get online() {
    return this.#connection?.online ?? false;
  }

  get unread() {
    return this.rooms.reduce((sum, room) => sum + room.unread, 0);
  }

  room(code) {
    return this.#rooms.find(code);
  }

  get draft() {
    return this.#current?.draft ?? '';
  }

  set draft(text) {
    if (!this.#current) return;
    this.#current.draft = text;
    this.#rooms.saveSoon();
  }

  /** Says whether the end of the open room's messages is on the screen. */
  set isAtEnd(is) {
    this.#reading.isAtEnd = is;
    this.#reading.look(this.#current);
  }

  /** Shows the rooms of before a reload, and connects; which of them still are says `welcome`. */
  start() {
    this.#rooms.load();
    this.#connection = new Connection({
      onstate: (state) => this.#onConnection(state),
      onopen: () => {},
      onframe: (frame) => this.#onFrame(frame),
    });
    this.#reading.watch(() => this.#current);
    this.#rooms.follow((room) => {
      room.state = 'waiting';
      this.#enter(room);
      this.#tell('rooms');
    });
    this.#toOpen = this.#rooms.open;
    this.select(this.#toOpen);
  }

  /** Opens a room by its code, or none; returns true if one is open then. */
  select(code) {
    const room = (code && this.room(code)) || null;
    if (this.#current && this.#current !== room) this.#current.thread.clearNew();
    this.#current = room;
    this.#tell('selected');
    this.#reading.look(room);
    this.#tell('rooms');
    this.#rooms.open = room?.code ?? null;
    return room !== null;
  }

  /** Opens a room that this person is in; returns false if there is none, or it is lost. */
  open(code) {
    const room = this.room(code);
    return room !== undefined && room.state !== 'lost' && this.select(code);
  }

  /** Takes up a room again that went on in other tabs. */
  continueHere() {
    const room = this.#current;
    if (room?.reason !== 'superseded') return;
    room.state = 'waiting';
    room.reason = null;
    this.#enter(room);
    this.#tell('rooms');
  }

  /** Leaves the open room; returns true if it is gone. */
  leave() {
    return this.#quit({ type: 'leave' }, 'chat.left');
  }

  /** Ends the open room, which this person made and is alone in; returns true if it is gone. */
  end() {
    return this.#quit({ type: 'moderate', do: 'end' }, 'chat.ended');
  }

  async #quit(frame, said) {
    const room = this.#current;
    if (!room) return false;
    if (room.state !== 'lost' || room.reason === 'superseded') {
      try {
        await this.#connection.request({ ...frame, room: room.code });
      } catch (error) {
        if (!ALREADY_OUT.includes(error.code)) {
          showError(errorText(error, 'chat'));
          return false;
        }
      }
    }
    this.#remove(room);
    showInfo(t(said, { room: room.code }));
    return true;
  }

  /** Sends a text to the open room, perhaps as an answer; returns false if it is not taken. */
  send(text, reply) {
    const room = this.#current;
    if (room?.state !== 'live') {
      showError(t(room?.state === 'lost' ? 'err.chat.not_member' : 'chat.wait_connection'));
      return false;
    }
    if (!this.#outbox.send(room, text, reply)) {
      showError(t('chat.wait_connection'));
      return false;
    }
    room.thread.clearNew();
    this.#tell('added', { own: true });
    clear();
    return true;
  }

  /** Sends a text that failed again, or throws it away. */
  resolveUnsent(item, isRetry) {
    const room = this.#current;
    if (!isRetry) this.#outbox.discard(room, item);
    else if (room.state === 'live') this.#outbox.retry(room, item);
    else showError(t(room.state === 'lost' ? 'err.chat.not_member' : 'chat.wait_connection'));
  }

  sendTyping() {
    if (this.#current?.state === 'live') this.#connection.notify({ type: 'typing', room: this.#current.code });
  }

  #tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #remove(room) {
    this.#rooms.remove(room);
    if (this.#current === room) this.select(null);
    this.#tell('rooms');
  }

  /** Once everything missed has come, what was sent into the broken line is either among it or lost. A newcomer is sent nothing of
   * before, and that shows in silence only; a message that comes later still counts. */
  #settleSoon(room) {
    clearTimeout(room.settleTimer);
    if (room.state !== 'live') return;
    if (room.tracker.last >= room.target) this.#outbox.settle(room);
    else {
      room.settleTimer = setTimeout(() => {
        room.estimate = 0;
        this.#outbox.settle(room);
        this.#tell('rooms');
      }, SILENCE_MS);
    }
  }

  #lose(room, reason) {
    room.lose(reason);
    clear(`room ${room.key}`);
    this.#outbox.failAll(room);
    this.#rooms.saveList();
    this.#tell('rooms');
  }

  #onWelcome({ rooms, boot }) {
    const isRestart = this.#rooms.isRestart(boot);
    const listed = new Set(rooms.map((one) => fold(one.room)));
    const gone = this.rooms.filter((room) => room.state !== 'lost' && !listed.has(room.key));
    for (const room of gone) this.#lose(room, isRestart ? 'restarted' : 'gone');
    // The open room says it itself.
    const others = gone.filter((room) => room !== this.#current);
    if (others.length) showError(t(isRestart ? 'chat.restarted' : 'chat.gone', { n: others.length, room: others[0].code }));
    for (const one of rooms) {
      const room = this.room(one.room) ?? this.#rooms.add({ ...one, code: one.room });
      // That one goes on in other tabs until a person wants it here.
      if (room.reason === 'superseded') continue;
      const { thread } = room;
      room.announced(one);
      if (room === this.#current && room.thread !== thread) this.#tell('selected');
      if (room !== this.#current) this.#enter(room);
    }
    if (this.#current?.state === 'waiting') this.#enter(this.#current);
    if (!this.#current && this.#toOpen) this.select(this.#toOpen);
    this.#toOpen = null;
    this.#rooms.saveList();
    this.#tell('rooms');
  }

  async #enter(room) {
    if (!this.#connection?.online) return;
    if (room.isOver) {
      room.renew();
      if (room === this.#current) this.#tell('selected');
    }
    room.reason = null;
    let frame;
    try {
      frame = await this.#connection.request({ type: 'enter', room: room.code, since: room.tracker.last }, { deadly: true });
    } catch (error) {
      // After a broken connection the next `welcome` asks again.
      if (error.code === 'network') return;
      if (error.code === 'rate_limited') {
        const again = () => { if (room.state === 'waiting') this.#enter(room); };
        setTimeout(again, (Number(error.retry_after) || 1) * 1000);
        return;
      }
      this.#lose(room, 'gone');
      return;
    }
    if (this.room(room.key) !== room) return;
    const isFirst = room.tracker.last === 0;
    if (frame.seq < room.tracker.last) {
      // The room ended and another of its name began meanwhile: all of it is new here.
      room.renew();
      if (room === this.#current) this.#tell('selected');
      this.#enter(room);
      return;
    }
    room.applyJoined(frame);
    room.isEntering = true;
    this.#settleSoon(room);
    if (isFirst) room.thread.showHint(frame.seq > 0 ? 'newcomer' : 'empty');
    if (room === this.#current) this.#reading.look(room);
    this.#tell('rooms');
    this.#rooms.saveList();
  }

  #onConnection(state) {
    this.#tell('connection', { state });
    if (state === 'online') return;
    for (const room of this.rooms) if (room.state === 'live') room.state = 'waiting';
    this.#tell('rooms');
  }

  #onFrame(frame) {
    hearAnnouncement(frame, (answer) => this.#connection.notify(answer));
    if (frame.type === 'welcome') this.#onWelcome(frame);
    else if (frame.type === 'error') showError(errorText(frame, 'chat'));
    const room = frame.room === undefined ? undefined : this.room(frame.room);
    if (!room) return;
    if (frame.type === 'message') this.#receive(room, fromFrame(frame));
    else if (isChange(frame)) this.#change(room, frame);
    else if (frame.type === 'presence') this.#presence(room, frame);
    else if (frame.type === 'typing' && frame.user !== this.#me) {
      room.heardTyping(frame.user);
      if (room === this.#current) this.#tell('typing');
    } else if (frame.type === 'gap') {
      room.thread.gap(frame.to <= room.seen);
      room.tracker.skip(frame.to);
      if (room === this.#current) this.#tell('added', { isMessage: false });
      this.#settleSoon(room);
    } else if (frame.type === 'read') {
      if (room.markRead(frame.seq)) this.#tell('rooms');
    } else if (frame.type === 'left') this.#left(room, frame.reason);
  }

  #left(room, reason) {
    if (reason === 'left') {
      this.#remove(room);
      showInfo(t('chat.left_elsewhere', { room: room.code }));
    } else this.#lose(room, reason);
  }

  #presence(room, { user, event }) {
    if (room.presence(user, event) && room === this.#current) this.#tell('added', { isMessage: false });
    this.#tell('rooms');
  }

  #change(room, frame) {
    // A removed message that was missed is told so in its place.
    if (!applyChange(room, frame) && frame.type === 'removed') this.#receive(room, fromFrame({ ...frame, text: '', isRemoved: true }));
    else if (room === this.#current) this.#tell('added', { isMessage: false });
    this.#tellRoomsSoon();
  }

  #receive(room, message) {
    if (!room.accept(message.seq)) return;
    const own = message.user === this.#me;
    const isUnread = !own && !message.isRemoved && message.seq > room.read;
    const isWatched = room === this.#current && this.#reading.sees(room);
    // What comes as a replay was missed, also by a person who looks at it now.
    const isMention = room.thread.add(message, isUnread && (!isWatched || message.seq <= room.target));
    room.heard(message, isUnread && !isWatched, isMention);
    if (own) this.#outbox.heardOwn(room, message);
    if (room === this.#current) {
      this.#tell('added', { own });
      this.#tell('typing');
      this.#reading.look(room);
    }
    if (!isWatched || room.tracker.last === room.target) this.#tellRoomsSoon();
    this.#settleSoon(room);
  }

  #tellRoomsSoon() {
    this.#roomsTimer ||= setTimeout(() => {
      this.#roomsTimer = 0;
      this.#tell('rooms');
    }, ROOMS_AFTER_MS);
  }
}
