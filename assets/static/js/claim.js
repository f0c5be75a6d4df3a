// The page that claims the device works without this; with it one sees how strong the password is.
import './page.js';
import { byId } from './dom.js';
import { measure } from './strength.js';

measure(byId('password'), () => [byId('username').value, location.hostname]);
