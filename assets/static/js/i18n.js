// Texts of the page's language. The page names their script before every module, so that they are here first.

const texts = globalThis.PICHAT_TEXTS;
if (!texts) throw new Error('the texts did not come');

const { lang } = document.documentElement;
/** For Intl: the browser's own variant of the page's language. */
export const locale = navigator.languages?.find((tag) => tag.slice(0, 2).toLowerCase() === lang) ?? lang;

export const has = (key) => key in texts;

/** The text of a key, `{name}` filled in; with `n` in `vars` and a `key.one`, the singular. */
export function t(key, vars = {}) {
  const single = vars.n === 1 && has(`${key}.one`) ? `${key}.one` : key;
  if (!has(single)) console.error(`no text ${key}`);
  const text = has(single) ? texts[single] : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? String(vars[name]) : whole));
}

/** A wait in words, as the server says it: seconds up to 89, minutes up to 59, then hours. */
export function waitText(seconds) {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 90) return t('wait.seconds', { n: whole });
  const minutes = Math.ceil(whole / 60);
  return minutes < 60 ? t('wait.minutes', { n: minutes }) : t('wait.hours', { n: Math.ceil(minutes / 60) });
}

/** A failed call for people: what this place says of its `code`, the server's own sentence, or the bare fact. */
export function errorText(error, place = '') {
  const { code, detail, retry_after: wait } = error;
  const own = `err.${place}.${code}`;
  if (has(own)) return t(own, wait ? { wait: waitText(wait) } : {});
  if (detail) return detail;
  return t(code === 'network' ? 'err.network' : 'err.generic');
}
