// The sign-in page: says why the session ended that led here.
import './page.js';
import { byId, make } from './dom.js';
import { has, t } from './i18n.js';

const cause = location.hash.slice(1);
// An answer to a sign-in that failed is about something else.
if (cause && !document.querySelector('.alert')) {
  const key = has(`ended.${cause}`) ? `ended.${cause}` : 'ended.other';
  byId('username').form.before(make('p', { class: 'alert note', role: 'status' }, t(key)));
}
