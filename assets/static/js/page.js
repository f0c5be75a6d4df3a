// Set-up of every page, done once.
import { t } from './i18n.js';
import { byId, make } from './dom.js';
import { INVITATION_KEY, keepInvitation } from './invitation.js';

/** Keys of what the chat keeps until its person signs out. The first three are of one tab; a user's name follows the others. */
export const CHAT_KEYS = { open: 'pichat.open', unsent: 'pichat.unsent', invitation: INVITATION_KEY, rooms: 'pichat.rooms:', drafts: 'pichat.drafts:', favourites: 'pichat.favourites:' };
/** Key in localStorage that changes when a person signs out: other tabs keep nothing more. */
export const FORGOTTEN_KEY = 'pichat.forgotten';
/** Key in sessionStorage that says that a new password was sent, until the next page knows what became of it. */
export const CHANGED_KEY = 'pichat.changed';

keepInvitation();

// Everything that this page needs has come.
document.querySelector('.incomplete')?.remove();

/** Puts a button into each password field of a view that shows what is typed. */
export function addReveals(root) {
  for (const field of root.querySelectorAll('.with-button > [type=password]')) {
    const button = make('button', { type: 'button', class: 'quiet reveal' });
    const draw = () => {
      const hidden = field.type === 'password';
      button.setAttribute('aria-label', t(hidden ? 'pw.show' : 'pw.hide'));
      button.textContent = t(hidden ? 'pw.show_short' : 'pw.hide_short');
    };
    button.addEventListener('click', () => {
      field.type = field.type === 'password' ? 'text' : 'password';
      draw();
    });
    draw();
    field.after(button);
  }
}
addReveals(document);

// The switch of languages leads back to this page. Browsers keep the fragment of the address asked for, which
// may say why a session ended.
for (const form of document.querySelectorAll('form.language')) {
  form.addEventListener('submit', () => {
    const to = new URL(form.action);
    to.hash = location.hash;
    form.action = to.href;
  });
}

byId('sign-out')?.form.addEventListener('submit', () => {
  const prefixes = Object.values(CHAT_KEYS);
  for (const storage of [sessionStorage, localStorage]) {
    for (const key of Object.keys(storage)) if (prefixes.some((prefix) => key.startsWith(prefix))) storage.removeItem(key);
  }
  localStorage.setItem(FORGOTTEN_KEY, String(Date.now()));
});

if (byId('sign-in')) sessionStorage.removeItem(CHANGED_KEY);
