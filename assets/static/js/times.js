// Hours and days as this page writes them: 24 hours, so that they are short and stand in a column.
import { locale, t } from './i18n.js';

const format = (options) => {
  const made = new Intl.DateTimeFormat(locale, options);
  return (at) => made.format(new Date(at));
};
export const clock = format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
export const fullTime = format({ dateStyle: 'long', timeStyle: 'short', hourCycle: 'h23' });
const weekday = format({ weekday: 'long', day: 'numeric', month: 'long' });
const thisYear = format({ day: 'numeric', month: 'short' });
const older = format({ day: 'numeric', month: 'short', year: 'numeric' });

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export function dayName(at) {
  const now = new Date();
  if (sameDay(at, now)) return t('chat.today');
  now.setDate(now.getDate() - 1);
  return sameDay(at, now) ? t('chat.yesterday') : weekday(at);
}

/** The hour today, the day this year, the date before. */
export function when(at, now = new Date()) {
  if (sameDay(at, now)) return clock(at);
  return (new Date(at).getFullYear() === now.getFullYear() ? thisYear : older)(at);
}
