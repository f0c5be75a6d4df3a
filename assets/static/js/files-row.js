// One file in the list: its row, and behind "Detalles" what few people need.
import { exact, handedOut, humanSize, iconFor, stateIcon } from './files-format.js';
import { fullTime, when } from './times.js';
import { icon, make } from './dom.js';
import { has, t } from './i18n.js';

const known = (state) => (stateIcon[state] ? state : 'received');
const reason = (code) => (has(`reason.${code}`) ? t(`reason.${code}`) : code);

function details(file) {
  const copy = make('button', { type: 'button', class: 'discreto copiar', 'data-sha': file.sha256 }, t('files.copy'));
  const pair = (label, ...value) => [make('dt', {}, label), make('dd', {}, ...value)];
  return make('details', { class: 'mas-datos' }, make('summary', {}, t('files.details')),
    make('dl', {},
      ...pair(t('files.type'), `${file.media_type} · ${exact(file.size)} bytes · ${fullTime(file.uploaded_at)}`),
      ...pair(t('files.sha'), make('code', { class: 'huella', translate: 'no' }, file.sha256), copy),
      ...(file.reasons?.length ? pair(t('files.reasons'), file.reasons.map(reason).join(', ')) : [])));
}

/** A row; `mayDelete` adds the button, which only an administrator's server would obey. */
export function fileRow(file, mayDelete) {
  const state = known(file.state);
  const open = handedOut(file.state)
    ? make('a', { class: 'boton descargar', href: `/api/files/${encodeURIComponent(file.id)}/content`, download: file.name, 'aria-label': `${t('files.download')} ${file.name}` }, icon('bajar'), make('span', {}, t('files.download')))
    : null;
  const remove = mayDelete
    ? make('button', { type: 'button', class: 'discreto borrar', 'aria-label': `${t('files.delete')} ${file.name}` }, icon('borrar'), make('span', {}, t('files.delete')))
    : null;
  return make('li', { class: 'archivo', 'data-id': file.id, 'data-name': file.name, 'data-estado': state },
    icon(iconFor(file.media_type), 'ico tipo'),
    make('div', { class: 'datos' },
      make('strong', { class: 'nombre', dir: 'auto', translate: 'no', title: file.name }, file.name),
      make('p', { class: 'tenue chico' }, `${humanSize(file.size)} · ${file.uploaded_by} · `,
        make('time', { datetime: file.uploaded_at, title: fullTime(file.uploaded_at) }, when(file.uploaded_at)), ' · ',
        make('code', { title: `SHA-256 ${file.sha256}`, translate: 'no' }, file.sha256.slice(0, 8)))),
    make('p', { class: `ficha ficha-${state}` }, icon(stateIcon[state]), make('span', {}, t(`state.${state}`))),
    make('div', { class: 'acciones' }, open, remove),
    details(file));
}

/** Copies a text, also on a page that is no secure context. */
export async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused: the old way may still be allowed.
  }
  const field = make('textarea', { class: 'solo-lector', readonly: true, 'aria-hidden': 'true', tabindex: '-1' });
  const before = document.activeElement;
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  before?.focus();
  return copied;
}
