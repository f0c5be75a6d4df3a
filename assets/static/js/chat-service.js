// The chat of this document: one state and one socket for all views, begun once.
import { facts } from './api.js';
import { ChatState } from './chat-state.js';
import { showUnread } from './unread.js';

function start() {
  const { session: { username: me, role }, limits } = facts();
  const state = new ChatState(me, limits.rooms_per_socket);
  state.addEventListener('rooms', () => showUnread(state.unread));
  state.start();
  return { me, role, limits, state };
}

let started;
/** The chat: { state, me, role, limits }. */
export function chat() {
  started ??= start();
  return started;
}
