// One file in the list: its row, and behind "Detalles" what few people need.
import { exact, handedOut, humanSize, iconFor, isHeld, isPending, stateIcon } from './files-format.js';
import { fullTime, when } from './times.js';
import { cutInTheMiddle, icon, make } from './dom.js';
import { has, t } from './i18n.js';

const known = (state) => (stateIcon[state] ? state : 'received');

const inWords = {
  'archive-ratio': (times) => `× ${exact(Number(times))}`,
  'archive-total': (bytes) => humanSize(Number(bytes)),
};

/** `code detail` as a sentence; the detail is a place in an archive, a number, what the content is. */
function reason(line) {
  const [code, ...rest] = line.split(' ');
  const key = `reason.${code}`;
  const detail = rest.join(' ');
  if (!has(key)) return line;
  const text = t(key);
  return detail ? `${text} (${inWords[code]?.(detail) ?? detail})` : text;
}

/** Reason for a restricted file, shown under its name; empty for others. */
function held(file, admin) {
  if (isPending(file.state)) return make('p', { class: 'file-reason muted small' }, t('held.pending'));
  if (file.state === 'lost') return make('p', { class: 'file-reason muted small' }, t('held.lost'));
  if (!isHeld(file.state) && file.state !== 'infected') return null;
  const who = file.state === 'infected' ? 'held.nobody' : admin ? 'held.admin' : 'held.others';
  return make('div', { class: 'file-reason small' },
    make('ul', {}, ...file.reasons.map((line) => make('li', { dir: 'auto' }, reason(line)))),
    make('p', { class: 'muted' }, t(who)));
}

function details(file) {
  const copy = make('button', { type: 'button', class: 'quiet copy', 'data-sha': file.sha256 }, t('files.copy'));
  const pair = (label, ...value) => [make('dt', {}, label), make('dd', {}, ...value)];
  return make('details', { class: 'file-details' }, make('summary', {}, t('files.details')),
    make('dl', {},
      ...pair(t('files.type'), `${file.media_type} · ${exact(file.size)} bytes · ${fullTime(file.uploaded_at)}`),
      ...pair(t('files.sha'), make('code', { class: 'fingerprint', translate: 'no' }, file.sha256), copy),
      ...(file.reasons?.length ? pair(t('files.reasons'), make('code', { translate: 'no' }, file.reasons.join(', '))) : [])));
}

/** A row; for an administrator with what only their server would obey. */
export function fileRow(file, admin) {
  const state = known(file.state);
  const open = handedOut(file.state, admin)
    ? make('a', { class: 'button download', href: `/api/files/${encodeURIComponent(file.id)}/content`, download: file.name, 'aria-label': `${t('files.download')} ${file.name}` }, icon('download'), make('span', {}, t('files.download')))
    : null;
  const remove = admin
    ? make('button', { type: 'button', class: 'quiet delete', 'aria-label': `${t('files.delete')} ${file.name}` }, icon('trash'), make('span', {}, t('files.delete')))
    : null;
  return make('li', { class: 'file', 'data-id': file.id, 'data-name': file.name, 'data-state': state },
    icon(iconFor(file.media_type), 'icon file-icon'),
    make('div', { class: 'file-facts' },
      make('strong', { class: 'file-name cut', dir: 'auto', translate: 'no', title: file.name }, ...cutInTheMiddle(file.name)),
      make('p', { class: 'muted small' }, `${humanSize(file.size)} · ${file.uploaded_by} · `,
        make('time', { datetime: file.uploaded_at, title: fullTime(file.uploaded_at) }, when(file.uploaded_at)), ' · ',
        make('code', { title: `SHA-256 ${file.sha256}`, translate: 'no' }, file.sha256.slice(0, 8)))),
    make('p', { class: `state-chip chip-${state}` }, icon(stateIcon[state]), make('span', {}, t(`state.${state}`))),
    make('div', { class: 'file-actions' }, open, remove),
    held(file, admin),
    details(file));
}
