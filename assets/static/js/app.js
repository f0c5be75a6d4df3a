// The script of every page with navigation: the views of one document.
import * as account from './account.js';
import * as chat from './chat.js';
import * as files from './files.js';
import * as home from './home.js';
import * as upload from './upload-page.js';
import { begin } from './navigation.js';

begin({ '/inicio': home, '/chat': chat, '/listar': files, '/subir': upload, '/cuenta': account });
