// What every page does once.
import { t } from './i18n.js';
import { byId, make } from './dom.js';

/** Key in sessionStorage under which the chat keeps its resume tokens. */
export const ROOMS_KEY = 'pichat.rooms';
/** Key in sessionStorage that says that a new password was sent, until the next page knows what became of it. */
export const CHANGED_KEY = 'pichat.changed';

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

byId('sign-out')?.form.addEventListener('submit', () => sessionStorage.removeItem(ROOMS_KEY));

// A new sign-in starts without the last user's rooms.
if (byId('sign-in')) [ROOMS_KEY, CHANGED_KEY].forEach((key) => sessionStorage.removeItem(key));
