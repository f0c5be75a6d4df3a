// Sizes and symbols of files; no page needed.
import { locale } from './i18n.js';

const UNITS = ['B', 'KB', 'MB', 'GB'];
const whole = new Intl.NumberFormat(locale);
const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** `1536` → `1,5 KB`: 1024 bytes a KB, rounded down, as file managers show it; a limit is never shown larger than it is. */
export function humanSize(bytes, round = Math.floor) {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return size < 10 ? `${tenth.format(round(size * 10) / 10)}\u00a0${UNITS[unit]}` : `${whole.format(round(size))}\u00a0${UNITS[unit]}`;
}

export const exact = (number) => whole.format(number);
export function iconFor(mediaType) {
  const type = (mediaType || '').toLowerCase();
  const [top] = type.split('/');
  const has = (...words) => words.some((word) => type.includes(word));
  if (top === 'image') return 'image';
  if (top === 'audio') return 'audio';
  if (top === 'video') return 'video';
  if (has('zip', 'tar', 'rar', '7z', 'compressed', 'xz', 'zstd', 'bzip')) return 'archive';
  if (has('spreadsheet', 'excel', 'csv')) return 'table';
  if (top === 'text' || has('pdf', 'word', 'opendocument', 'rtf', 'presentation', 'json', 'xml')) return 'text-file';
  return 'file';
}

/** The shape beside a state's word. */
export const stateIcon = {
  received: 'state-received', clean: 'state-available', released: 'state-available', inspecting: 'state-checking',
  suspicious: 'state-held', unscannable: 'state-held', infected: 'state-infected', lost: 'state-held',
};

/** Returns true if a user may download a file in this state. Held files are for administrators, infected and lost ones for no user. */
export const handedOut = (state, admin) => state === 'clean' || state === 'released' || (admin && isHeld(state));
export const isHeld = (state) => state === 'suspicious' || state === 'unscannable';
/** Returns true while the verdict is pending. */
export const isPending = (state) => state === 'received' || state === 'inspecting';
