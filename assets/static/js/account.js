// The page of one's own account: times as this browser's clock shows them.
import { locale } from './i18n.js';

const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });

/** Shows the page in `main`. Its forms work by themselves. */
export function mount(main) {
  for (const node of main.querySelectorAll('time')) node.textContent = format.format(new Date(node.dateTime));
  // The address says what the form has just done; a reload need not say it again.
  if (location.search) history.replaceState(history.state, '', location.pathname);
  return () => false;
}
