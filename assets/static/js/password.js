// The page that changes the password works without this; with it one sees how strong the new one is.
import { CHANGED_KEY } from './page.js';
import { session } from './api.js';
import { byId } from './dom.js';
import { measure } from './strength.js';

const names = [location.hostname];
measure(byId('password'), () => names);
session().then(
  (me) => names.push(me.username),
  // The meter does without the name.
  () => {},
);

// This page again means that nothing was changed; any other one may say that it was.
sessionStorage.removeItem(CHANGED_KEY);
byId('password-form').addEventListener('submit', () => sessionStorage.setItem(CHANGED_KEY, '1'));
