// The chat page: joins the socket, the rooms and the parts of the page.
import './page.js';
import { backoff, MAX_ROOMS, normalizeForCompare } from './chat-core.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { clear, showError, showInfo } from './notice.js';
import { session } from './api.js';
import { Link } from './chat-link.js';
import { loadRooms, Room, saveRooms } from './chat-room.js';
import { tabList } from './chat-tabs.js';
import { Panel } from './chat-panel.js';
import { Composer } from './chat-composer.js';
import { Entry } from './chat-entry.js';

/** A typing sign without another within this time is stale. */
const TYPING_MS = 4500;

/** Who signed in; waits for a server that is not back yet. */
async function whoAmI() {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return (await session()).username;
    } catch (error) {
      if (error.code === 'unauthenticated') return null;
      showState('offline');
      await new Promise((resolve) => { setTimeout(resolve, backoff(attempt)); });
    }
  }
}

function showState(state) {
  const line = byId('connection-state');
  line.dataset.state = state;
  line.textContent = t(`state.${state}`);
}

function start(me) {
  const rooms = new Map();
  let current = null;
  let entry = null;
  let saveTimer = 0;
  const panel = new Panel(me);
  const drawTabs = tabList(select);
  const composer = new Composer({ send, typing: () => { if (current?.state === 'live') link.notify({ type: 'typing', room: current.code }); } });

  const watching = (room) => room === current && !document.hidden;
  const save = () => saveRooms(me, [...rooms.values()], current?.code ?? null);
  const saveSoon = () => { clearTimeout(saveTimer); saveTimer = setTimeout(save, 400); };

  function refresh() {
    drawTabs([...rooms.values()], current);
    panel.refresh();
    byId('another-room').hidden = rooms.size === 0;
    composer.ready = current?.state === 'live';
    const unread = [...rooms.values()].reduce((sum, room) => sum + room.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ''}Chat · PiChat`;
  }

  function select(code) {
    const room = rooms.get(code) ?? null;
    if (current) {
      current.draft = composer.text;
      if (current !== room) current.thread.clearNew();
    }
    current = room;
    byId('main').dataset.view = room ? 'room' : 'join';
    if (room) room.unread = 0;
    panel.show(room);
    composer.text = room?.draft ?? '';
    refresh();
    saveSoon();
    return room !== null;
  }

  /** Shows a room one is in; false if there is none, or its place is lost. */
  function open(code) {
    const room = rooms.get(code);
    return room !== undefined && room.state !== 'lost' && select(code);
  }

  function giveBack(room, text) {
    if (room === current) room.draft = composer.text;
    room.draft = room.draft ? `${text}\n${room.draft}` : text;
    if (room === current) composer.text = room.draft;
  }

  /** Once everything missed has come, what was sent into the broken line is either among it or lost. */
  function settle(room) {
    if (room.state === 'waiting' || (room.state === 'live' && room.tracker.last < room.target)) return;
    const lost = room.pending.filter((sent) => sent.stale);
    if (!lost.length) return;
    room.pending = room.pending.filter((sent) => !sent.stale);
    giveBack(room, lost.map((sent) => sent.text).join('\n'));
    showError(t('chat.not_sent'));
  }

  function send(text) {
    const room = current;
    if (room?.state !== 'live') {
      showError(t(room?.state === 'lost' ? 'err.not_member' : 'chat.wait_link'));
      return false;
    }
    const sent = { text, stale: false };
    room.pending.push(sent);
    const forget = () => { room.pending = room.pending.filter((other) => other !== sent); };
    link.request({ type: 'send', room: room.code, text }, { deadly: true }).then(forget, (error) => {
      if (error.code === 'network') {
        sent.stale = true;
        return;
      }
      forget();
      giveBack(room, text);
      if (error.code === 'not_member') drop(room);
      showError(errorText(error, 'chat'));
    });
    room.thread.clearNew();
    clear();
    return true;
  }

  async function join(code, password, kind) {
    let room = rooms.get(code);
    if (room?.state === 'live') return select(code);
    if (!room && rooms.size >= MAX_ROOMS) {
      showError(t('err.too_many_rooms'));
      return false;
    }
    let frame;
    try {
      frame = await link.request({ type: 'join', room: code, password, kind });
    } catch (error) {
      showError(errorText(error, 'join'));
      return false;
    }
    room = rooms.get(code);
    if (!room) {
      room = new Room({ code, kind }, me);
      rooms.set(code, room);
    } else {
      room.rejoined(frame, me);
    }
    room.start(frame);
    select(code);
    save();
    settle(room);
    composer.focus();
    showInfo(t(frame.created ? 'join.created' : 'join.joined', { room: code }));
    return true;
  }

  function drop(room) {
    room.lose();
    settle(room);
    refresh();
    save();
  }

  async function resume(room) {
    let frame;
    try {
      frame = await link.request({ type: 'resume', room: room.code, resume: room.resume, since: room.tracker.last }, { deadly: true });
    } catch (error) {
      if (error.code === 'network') return; // the next connection asks again
      if (error.code === 'rate_limited') {
        setTimeout(() => { if (room.state === 'waiting' && link.online) resume(room); }, (Number(error.retry_after) || 1) * 1000);
        return;
      }
      drop(room);
      showError(t('chat.dropped', { room: room.code }));
      return;
    }
    if (rooms.get(room.code) !== room) return;
    room.applyJoined(frame);
    settle(room);
    refresh();
    save();
  }

  async function leave() {
    const room = current;
    if (!room) return;
    if (room.state === 'live') {
      try {
        await link.request({ type: 'leave', room: room.code });
      } catch (error) {
        // Offline or not a member any more: the server lets the place go by itself.
        if (!['network', 'not_member', 'unknown_room'].includes(error.code)) {
          showError(errorText(error, 'chat'));
          return;
        }
      }
    }
    rooms.delete(room.code);
    if (current === room) select(null);
    refresh();
    save();
    showInfo(t('chat.left', { room: room.code }));
    entry.refreshLobby();
    byId('room-code').focus();
  }

  function receive(room, message) {
    if (!room.tracker.accept(message.seq)) return;
    const own = message.user === me;
    const fresh = message.seq > room.seen;
    const missed = fresh && !own && (!watching(room) || message.seq <= room.target);
    room.seen = Math.max(room.seen, message.seq);
    room.typing.delete(message.user);
    room.thread.add(message, missed);
    if (own) {
      const at = room.pending.findIndex((sent) => normalizeForCompare(sent.text) === message.text);
      if (at >= 0) room.pending.splice(at, 1);
    }
    if (fresh && !own && !watching(room)) room.unread += 1;
    if (room === current) {
      panel.onContentAdded(own);
      panel.typing();
    }
    if (!watching(room)) refresh();
    settle(room);
    saveSoon();
  }

  function onframe(frame) {
    if (frame.type === 'error') {
      showError(errorText(frame, 'chat'));
      return;
    }
    const room = rooms.get(frame.room);
    if (!room) return;
    if (frame.type === 'message') receive(room, frame);
    else if (frame.type === 'presence') {
      room.presence(frame.user, frame.event);
      room.thread.note(t(frame.event === 'joined' ? 'chat.in' : 'chat.out', { name: frame.user }));
      if (room === current) panel.onContentAdded(false, false);
      refresh();
    } else if (frame.type === 'typing' && frame.user !== me) {
      room.typing.set(frame.user, performance.now() + TYPING_MS);
      if (room === current) panel.typing();
    } else if (frame.type === 'gap') {
      room.thread.note(t(frame.to <= room.seen ? 'chat.gap_old' : 'chat.gap'), 'divider gap-divider');
      room.tracker.skip(frame.to);
      if (room === current) panel.onContentAdded(false, false);
      settle(room);
    } else if (frame.type === 'left') {
      drop(room);
    }
  }

  const kept = loadRooms(me);
  for (const entryKept of kept.list) {
    const room = new Room(entryKept, me);
    room.rewindForReload();
    rooms.set(room.code, room);
  }

  const link = new Link({
    onstate(state) {
      showState(state);
      if (state === 'online') return;
      if (state === 'crowded') showError(t('chat.crowded'));
      for (const room of rooms.values()) if (room.state === 'live') room.state = 'waiting';
      refresh();
    },
    onopen() {
      for (const room of rooms.values()) if (room.state === 'waiting') resume(room);
    },
    onframe,
  });

  entry = new Entry({ join, isIn: (code) => rooms.has(code), open });
  byId('leave-room').addEventListener('click', leave);
  byId('back-to-rooms').addEventListener('click', () => select(null));
  byId('another-room').addEventListener('click', () => { select(null); byId('room-code').focus(); });
  byId('rejoin').addEventListener('click', () => {
    const { code } = current;
    select(null);
    entry.ask(code);
    showInfo(t('join.again', { room: code }));
  });
  document.addEventListener('visibilitychange', () => {
    if (!current) return;
    if (document.hidden) current.thread.clearNew();
    else {
      current.unread = 0;
      refresh();
    }
  });
  setInterval(() => panel.typing(), 1000);
  addEventListener('pagehide', save);
  select(rooms.has(kept.current) ? kept.current : null);
  entry.followHash();
}

const me = await whoAmI();
if (me) start(me);
