// The one socket: opens it, matches answers by `ref`, opens another when it falls.
import { backoff } from './chat-core.js';
import { session } from './api.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

/** No answer for this long: the line is dead, even if the socket has not noticed. */
const ANSWER_MS = 15000;
const OPEN_MS = 10000;
/** Failed tries before "reconnecting" becomes "offline". */
const OFFLINE_AFTER = 4;
/** A 1013 is answered at once, but not twice within this time. */
const EAGER_MS = 5000;
/** The close code of a session that has too many sockets, and the wait before this tab asks for a place again. */
const TOO_MANY_SOCKETS = 4008;
const CROWDED_MS = 30000;
/** The close codes of a session that has ended; the second says that its account is gone. */
const ENDED = [4001, 4002];

/** Says the state of the connection where the rooms are listed. */
export function showConnection(state) {
  const line = byId('connection-state');
  line.dataset.state = state;
  line.textContent = t(`connection.${state}`);
}

const url = () => `${location.protocol === 'https:' ? 'wss://' : 'ws://'}${location.host}/ws`;

/** Calls `onstate(state)`, `onopen()` after each connection, `onframe(frame)` for frames without a waiting caller. */
export class Connection {
  #socket = null;
  #pending = new Map();
  #counter = 0;
  #attempt = 0;
  #timer = 0;
  #lastEager = -EAGER_MS;
  /** Why the session ended, until a socket opens again. */
  #ended = undefined;

  constructor({ onstate, onframe, onopen }) {
    this.state = 'reconnecting';
    this.onstate = onstate;
    this.onframe = onframe;
    this.onopen = onopen;
    addEventListener('online', () => this.#hurry());
    addEventListener('offline', () => { if (this.#socket) this.#drop(1006); });
    // Back from the browser's page cache: socket and timers are gone.
    addEventListener('pageshow', (event) => { if (event.persisted) this.#hurry(); });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#hurry(); });
    addEventListener('pagehide', () => clearTimeout(this.#timer));
    this.#open();
  }

  get online() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  notify(frame) {
    if (this.online) this.#socket.send(JSON.stringify(frame));
  }

  /** Sends a frame and resolves with its answer; rejects with the error frame, or `{code: "network"}`. */
  request(frame, { deadly = false } = {}) {
    if (!this.online) return Promise.reject({ code: 'network' });
    this.#counter += 1;
    const ref = this.#counter.toString(36);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(ref);
        reject({ code: 'network' });
        if (deadly) this.#drop(1006);
      }, ANSWER_MS);
      this.#pending.set(ref, { resolve, reject, timer });
      const { type, ...rest } = frame;
      this.#socket.send(JSON.stringify({ type, ref, ...rest }));
    });
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(url());
    this.#socket = socket;
    let opened = false;
    const patience = setTimeout(() => { if (!opened && socket === this.#socket) this.#drop(1006, true); }, OPEN_MS);
    socket.onopen = () => {
      opened = true;
      clearTimeout(patience);
      this.#attempt = 0;
      this.#ended = undefined;
      this.#set('online');
      this.onopen();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => {
      clearTimeout(patience);
      if (ENDED.includes(event.code)) this.#ended = event.reason || undefined;
      this.#drop(event.code, !opened);
    };
  }

  #receive(data) {
    const frame = JSON.parse(data);
    const waiting = typeof frame.ref === 'string' ? this.#pending.get(frame.ref) : undefined;
    if (!waiting) {
      this.onframe(frame);
      return;
    }
    this.#pending.delete(frame.ref);
    clearTimeout(waiting.timer);
    if (frame.type === 'error') waiting.reject(frame);
    else waiting.resolve(frame);
  }

  /** Reports a lost connection to all waiting callers and schedules the next attempt. */
  #drop(code, neverOpened = false) {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject({ code: 'network' });
    }
    if (ENDED.includes(code)) {
      this.#checkSessionOnce();
      return;
    }
    if (code === TOO_MANY_SOCKETS) {
      this.#set('crowded');
      this.#timer = setTimeout(() => this.#open(), CROWDED_MS);
      return;
    }
    // A refused upgrade says nothing to a page; this call leads to the sign-in page if the session ended meanwhile.
    if (neverOpened) session(this.#ended).catch(() => {});
    this.#set(this.#attempt >= OFFLINE_AFTER || navigator.onLine === false ? 'offline' : 'reconnecting');
    const now = performance.now();
    const eager = code === 1013 && now - this.#lastEager > EAGER_MS;
    if (eager) this.#lastEager = now;
    this.#plan(eager ? 0 : backoff(this.#attempt));
  }

  #plan(wait) {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { if (!this.#socket) this.#open(); }, wait);
  }

  /** The session has ended. A new password in another tab leaves this browser a new one; without it the call leads to the sign-in page,
   * which says why. */
  #checkSessionOnce() {
    this.#set('reconnecting');
    session(this.#ended).then(
      () => this.#plan(0),
      (error) => {
        if (error.code === 'unauthenticated') this.#set('offline');
        else this.#plan(backoff(this.#attempt));
      },
    );
  }

  #hurry() {
    if (this.#socket) return;
    this.#attempt = 0;
    this.#open();
  }
}
