// The chat page: the state and the views of it.
import './page.js';
import { limits, session } from './api.js';
import { Composer } from './chat-composer.js';
import { showConnection } from './chat-connection.js';
import { backoff } from './chat-core.js';
import { Entry } from './chat-entry.js';
import { Panel } from './chat-panel.js';
import { roomList } from './chat-room-list.js';
import { ChatState } from './chat-state.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { showInfo } from './notice.js';

/** Who signed in, and the limits in force; waits for a server that is not back yet. */
async function know() {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { username } = await session();
      return { me: username, limits: await limits() };
    } catch (error) {
      if (error.code === 'unauthenticated') return {};
      showConnection('offline');
      await new Promise((resolve) => { setTimeout(resolve, backoff(attempt)); });
    }
  }
}

function start(me, { message_chars: maxChars, rooms_per_socket: maxRooms }) {
  const state = new ChatState(me, maxRooms);
  const panel = new Panel(me);
  const drawRooms = roomList((code) => state.select(code));
  const composer = new Composer(state, maxChars);
  const entry = new Entry(state);

  state.addEventListener('connection', ({ detail }) => showConnection(detail.state));
  state.addEventListener('selected', () => {
    panel.show(state.current);
    composer.show();
  });
  state.addEventListener('rooms', () => {
    drawRooms(state.rooms, state.current);
    panel.refresh();
    composer.refresh();
    byId('another-room').hidden = state.rooms.length === 0;
    document.title = `${state.unread ? `(${state.unread}) ` : ''}${t('chat.title')}`;
  });
  state.addEventListener('added', ({ detail }) => panel.onContentAdded(detail));
  state.addEventListener('typing', () => panel.showTyping());
  state.addEventListener('draft', () => composer.show());
  state.addEventListener('joined', () => composer.focus());

  byId('leave-room').addEventListener('click', async () => {
    if (!await state.leave()) return;
    entry.refreshLobby();
    entry.focus();
  });
  byId('back-to-rooms').addEventListener('click', () => state.select(null));
  byId('another-room').addEventListener('click', () => {
    state.select(null);
    entry.focus();
  });
  byId('rejoin').addEventListener('click', () => {
    const { code } = state.current;
    state.select(null);
    entry.ask(code);
    showInfo(t('join.again', { room: code }));
  });
  state.start();
  entry.followHash();
}

const known = await know();
if (known.me) start(known.me, known.limits);
