// The one socket: opens it, matches answers by `ref`, notices a dead line, says why a line fell, opens another.
import { backoff } from './chat-core.js';
import { call, expectReason, isSigningOut, session } from './api.js';
import { byId } from './dom.js';
import { t, waitText } from './i18n.js';
import { clear, showError } from './notice.js';

/** No answer for this long: the line is dead, even if the socket has not noticed. */
const ANSWER_MS = 15000;
/** A message without an answer for this long is said to hang. */
const SLOW_MS = 3000;
const OPEN_MS = 10000;
/** The server sends a frame each 25 s; a line without any for this long is dead. */
const SILENCE_MS = 40000;
/** The last part of it: after a sleep of the page, what came meanwhile is read within this time. */
const GRACE_MS = 2000;
/** A line that was asked for a sign of life and gives none for this long is dead. */
const PROBE_MS = 5000;
/** A line heard this long ago needs no probe; what a room missed may be on its way. */
const FRESH_MS = 1000;
/** Past the last message of any room: an `enter` from here is answered with `joined` alone. */
const PAST_ALL = Number.MAX_SAFE_INTEGER;
/** Failed tries before "reconnecting" becomes "offline". */
const OFFLINE_AFTER = 4;
/** Sockets refused in a row before the page says so, though the session is good. */
const REFUSED_AFTER = 2;
/** A 1013 is answered at once, but not twice within this time. */
const EAGER_MS = 5000;
/** The close code of a session that has too many sockets, and the wait before this tab asks for a place again. */
const TOO_MANY_SOCKETS = 4008;
const CROWDED_MS = 30000;
const FLOODING = 1008;
const FLOODING_MS = 60000;
/** The close codes of a session that has ended; the second says that its account is gone. */
const ENDED = [4001, 4002];
/** Texts for close codes, by the code or by its reason; for the others the state of the connection says enough. */
const WHY = { 1001: 'restart', 1002: 'fault', 1003: 'fault', 1007: 'fault', 1008: 'flooding', 1009: 'fault', too_slow: 'slow', unavailable: 'busy', 4008: 'crowded' };
/** The owner of its notices. */
const OWNER = 'connection';

/** State and reason as the chat page shows them. */
let line = 'connecting';
let why = '';

/** Draws the state of the connection where the rooms are listed; the reason of a lost one in the notice. */
export function drawConnection() {
  const place = byId('connection-state');
  if (!place) return;
  place.dataset.state = line;
  place.textContent = t(`connection.${line}`);
  // Other views work without the chat's connection.
  if (!place.isConnected) return;
  if (why) showError(why, OWNER);
  else clear(OWNER);
}

export function showConnection(state, reason = '') {
  // What stands there already is not announced again.
  if (state === line && reason === why) return;
  line = state;
  why = reason;
  drawConnection();
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
  /** Reason for the end of the session, until a socket opens again. */
  #ended = undefined;
  /** Sockets in a row that never opened. */
  #refused = 0;
  /** When the last frame came, by performance.now(). */
  #heard = 0;
  /** The server of this socket gives signs of life. */
  #lively = false;
  #watchdog = 0;
  /** A room that this socket has entered. */
  #room = null;
  /** Messages that wait for an answer for too long. */
  #slow = new Set();

  constructor({ onstate, onframe, onopen }) {
    this.state = 'reconnecting';
    this.onstate = onstate;
    this.onframe = onframe;
    this.onopen = onopen;
    expectReason(() => this.online);
    addEventListener('online', () => this.#wake());
    addEventListener('offline', () => { if (this.#socket) this.#drop(1006); });
    // Back from the browser's page cache: socket and timers are gone.
    addEventListener('pageshow', (event) => { if (event.persisted) this.#wake(); });
    document.addEventListener('resume', () => this.#wake());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#wake(); });
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
        this.#settle(ref)?.reject({ code: 'network' });
        if (deadly) this.#drop(1006);
      }, ANSWER_MS);
      const slow = frame.type === 'send' ? setTimeout(() => this.#onSlow(ref), SLOW_MS) : 0;
      this.#pending.set(ref, { resolve, reject, timer, slow });
      const { type, ...rest } = frame;
      this.#socket.send(JSON.stringify({ type, ref, ...rest }));
    });
  }

  /** Takes a waiting caller off the list. */
  #settle(ref) {
    const waiting = this.#pending.get(ref);
    if (!waiting) return undefined;
    this.#pending.delete(ref);
    clearTimeout(waiting.timer);
    clearTimeout(waiting.slow);
    if (this.#slow.delete(ref) && !this.#slow.size && this.online) showConnection(this.state);
    return waiting;
  }

  /** Says that a message hangs, and asks the line for a sign of life. */
  #onSlow(ref) {
    this.#slow.add(ref);
    showConnection('slow', t('connection.why.send'));
    this.#probe();
  }

  #set(state, reason = '') {
    showConnection(state, reason);
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(url());
    this.#socket = socket;
    this.#lively = false;
    this.#room = null;
    let opened = false;
    const patience = setTimeout(() => { if (!opened && socket === this.#socket) this.#drop(1006, true); }, OPEN_MS);
    socket.onopen = () => {
      opened = true;
      clearTimeout(patience);
      this.#attempt = 0;
      this.#refused = 0;
      this.#ended = undefined;
      this.#set('online');
      this.onopen();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => {
      clearTimeout(patience);
      if (ENDED.includes(event.code)) this.#ended = event.reason || undefined;
      this.#drop(event.code, !opened, event.reason);
    };
  }

  #receive(data) {
    this.#heard = performance.now();
    const frame = JSON.parse(data);
    if (frame.type === 'welcome') {
      this.#lively = true;
      this.#watch();
    } else if (frame.type === 'joined') this.#room = frame.room;
    else if (frame.type === 'left' && frame.room === this.#room) this.#room = null;
    else if (frame.type === 'alive') return;
    const waiting = typeof frame.ref === 'string' ? this.#settle(frame.ref) : undefined;
    if (!waiting) this.onframe(frame);
    else if (frame.type === 'error') waiting.reject(frame);
    else waiting.resolve(frame);
  }

  /** Lets a line go that is silent for too long. */
  #watch() {
    clearTimeout(this.#watchdog);
    const silence = () => performance.now() - this.#heard;
    const most = SILENCE_MS - GRACE_MS;
    this.#watchdog = setTimeout(() => {
      if (silence() < most) this.#watch();
      else this.#expectFrame(GRACE_MS);
    }, Math.max(0, most - silence()));
  }

  /** Holds the line dead unless a frame comes within this time. */
  #expectFrame(ms) {
    const socket = this.#socket;
    const before = this.#heard;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      if (socket !== this.#socket) return;
      if (this.#heard === before) this.#drop(1006);
      else this.#watch();
    }, ms);
  }

  /** Asks for a sign of life by a request that is always answered and changes nothing. Without a room the server's own are waited for. */
  #probe() {
    if (!this.#lively || !this.online || performance.now() - this.#heard < FRESH_MS) return;
    if (this.#room) {
      this.request({ type: 'enter', room: this.#room, since: PAST_ALL }).catch(() => {});
      this.#expectFrame(PROBE_MS);
    } else if (performance.now() - this.#heard > SILENCE_MS) this.#expectFrame(GRACE_MS);
  }

  /** Reports a lost connection to all waiting callers and schedules the next attempt. */
  #drop(code, neverOpened = false, reason = '') {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const ref of [...this.#pending.keys()]) this.#settle(ref).reject({ code: 'network' });
    if (ENDED.includes(code)) {
      if (!isSigningOut()) this.#checkSessionOnce();
      return;
    }
    const cause = WHY[reason] ?? WHY[code];
    if (code === TOO_MANY_SOCKETS) {
      this.#set('crowded', t('chat.crowded'));
      this.#plan(CROWDED_MS);
      return;
    }
    if (neverOpened) {
      this.#refused += 1;
      this.#askWhy();
    }
    const said = cause ? t(`connection.why.${cause}`, { wait: waitText(FLOODING_MS / 1000) }) : why;
    this.#set(this.#attempt >= OFFLINE_AFTER || navigator.onLine === false ? 'offline' : 'reconnecting', said);
    if (code === FLOODING) {
      this.#plan(FLOODING_MS);
      return;
    }
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

  /** A refused upgrade says nothing to a page. These calls do, and lead to the sign-in page if the session ended meanwhile. */
  async #askWhy() {
    let refusal;
    try {
      await session(this.#ended);
      if (this.#refused < REFUSED_AFTER) return;
      await call('GET', '/ws');
    } catch (error) {
      refusal = error;
    }
    if (this.#socket?.readyState === WebSocket.OPEN || refusal?.code === 'network' || refusal?.code === 'unauthenticated') return;
    const { code, retry_after: wait } = refusal ?? {};
    const key = { rate_limited: 'limited', busy: 'busy' }[code] ?? 'refused';
    this.#set(this.state, t(`connection.why.${key}`, { wait: waitText(wait ?? 1) }));
    if (wait && !this.#socket) this.#plan(wait * 1000);
  }

  /** The session has ended. A new password in another tab leaves this browser a new one; without it the call leads to the sign-in
   * page, which says why. */
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

  /** The page is seen again, or the network is back: tries at once, or asks whether the line still lives. */
  #wake() {
    if (this.#socket) {
      this.#probe();
      return;
    }
    this.#attempt = 0;
    this.#open();
  }
}
