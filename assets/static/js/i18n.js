// Spanish stands in the HTML; English is swapped in when the browser prefers it.
import texts from './texts.js';

/** The first of Spanish and English among the browser's languages; Spanish when it names neither. */
const tag = (navigator.languages || []).find((one) => /^(es|en)\b/i.test(one)) || 'es-CO';
const lang = tag.slice(0, 2).toLowerCase();
/** For Intl: the browser's own variant of that language. */
export const locale = tag;

export const has = (key) => key in texts;
const own = (key) => (Array.isArray(texts[key]) ? texts[key][lang === 'es' ? 0 : 1] : texts[key]);

/** The text of a key, `{name}` filled in; with `n` in `vars` and a `key.one`, the singular. */
export function t(key, vars = {}) {
  const single = vars.n === 1 && has(`${key}.one`) ? `${key}.one` : key;
  const text = has(single) ? own(single) : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? String(vars[name]) : whole));
}

export function translate() {
  document.documentElement.lang = lang;
  if (lang === 'es') return;
  for (const node of document.querySelectorAll('[data-i18n], [data-i18n-placeholder], [data-i18n-label]')) {
    const { i18n, i18nPlaceholder, i18nLabel } = node.dataset;
    if (i18n) node.textContent = t(i18n);
    if (i18nPlaceholder) node.placeholder = t(i18nPlaceholder);
    if (i18nLabel) node.setAttribute('aria-label', t(i18nLabel));
  }
}

/** A failed call for people: by `code` in this place, by `code` and `limit`, by `code` anywhere, the server's words, or the bare fact. */
export function errorText(error, place = '') {
  const { code, detail, limit, retry_after: wait } = error;
  const key = [`${place}.${code}`, wait ? `err.${code}.wait` : '', `err.${code}.${limit}`, `err.${code}`].find(has);
  return key ? t(key, { n: Math.ceil(wait) }) : detail || t('err.generic');
}
