// The invitation to a room that led here. Its token stays in this tab until the chat has used it.

/** Key in sessionStorage of the token. */
export const INVITATION_KEY = 'pichat.invitation';
const FRAGMENT = '#invitacion=';

/** Takes an invitation out of the address, so that it stays in neither the history nor a link. */
export function keepInvitation() {
  if (!location.hash.startsWith(FRAGMENT)) return;
  sessionStorage.setItem(INVITATION_KEY, location.hash.slice(FRAGMENT.length));
  history.replaceState(history.state, '', location.pathname + location.search);
}

/** The token; null if there is none. */
export const invitation = () => sessionStorage.getItem(INVITATION_KEY);

export const forgetInvitation = () => sessionStorage.removeItem(INVITATION_KEY);
