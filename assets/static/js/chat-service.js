// The chat of this document: one state and one socket for all views, begun once.
import { limits, session } from './api.js';
import { showConnection } from './chat-connection.js';
import { backoff } from './chat-core.js';
import { ChatState } from './chat-state.js';
import { showUnread } from './unread.js';

/** Returns the user and the limits in force; waits for a server that is not back yet. Never ends without a session: the page is left. */
async function know() {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { username } = await session();
      return { me: username, limits: await limits() };
    } catch (error) {
      if (error.code === 'unauthenticated') return new Promise(() => {});
      showConnection('offline');
      await new Promise((resolve) => { setTimeout(resolve, backoff(attempt)); });
    }
  }
}

async function start() {
  const known = await know();
  const state = new ChatState(known.me, known.limits.rooms_per_socket);
  state.addEventListener('rooms', () => showUnread(state.unread));
  state.start();
  return { ...known, state };
}

let started;
/** The state, once it is there: { state, me, limits }. */
export function chat() {
  started ??= start();
  return started;
}
