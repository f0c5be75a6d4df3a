// The sign-in page: says why the session ended that led here.
import './page.js';
import { byId, make } from './dom.js';
import { has, t } from './i18n.js';
import { invitation } from './invitation.js';

const say = (key) => byId('username').form.before(make('p', { class: 'alert note', role: 'status' }, t(key)));
const cause = location.hash.slice(1);
// An answer to a sign-in that failed is about something else.
if (!document.querySelector('.alert')) {
  if (cause) say(has(`ended.${cause}`) ? `ended.${cause}` : 'ended.other');
  else if (invitation()) say('login.invited');
}
