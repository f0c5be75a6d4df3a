// Strength of a new password, said while it is typed. Everything is worked out here: half a password goes nowhere.
import { byId, make } from './dom.js';
import { foldAccents } from './fold.js';
import { t } from './i18n.js';

/** Fewest characters that the server takes, and those that are recommended. */
const MIN_CHARS = 8;
const GOOD_CHARS = 15;
/** Powers of ten of guesses from which a password is fair, good, strong. zxcvbn takes a random character for a factor of ten. */
const STEPS = [8, 10.5, 13];
const FULL = 16;
/** Characters that are looked at: more make no difference to the verdict and cost time on a phone. */
const LOOKED_AT = 64;
/** Words that are easily guessed here, beside the names. */
const HERE = ['pichat', 'contrasena', 'clave'];

const list = async (name) => {
  const url = new URL(`../${name}`, import.meta.url);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(url);
  return (await answer.text()).trimEnd().split('\n');
};

let loading;
/** Loads the estimator and its lists once, when typing begins. */
function estimator() {
  loading ??= Promise.all([import('./vendor/zxcvbn.js'), list('passwords.txt'), list('words-es.txt')]).then(
    ([{ ZxcvbnFactory }, common, words]) => ({
      common: new Set(common),
      zxcvbn: new ZxcvbnFactory({ dictionary: { common, words }, maxLength: LOOKED_AT }),
    }),
  );
  return loading;
}

/** The verdict on a password: how full the meter is, and what is said. */
export function scorePassword({ common, zxcvbn }, password, names) {
  const chars = [...password.normalize('NFC')].length;
  if (chars < MIN_CHARS) return { value: 1, text: t('pw.short', { n: MIN_CHARS - chars }) };
  if (common.has(password.toLowerCase())) return { value: 1, text: t('pw.common') };
  const known = names.flatMap((name) => [name, ...name.split(/[^\p{L}\p{N}]+/u)]).filter(Boolean);
  const { guessesLog10 } = zxcvbn.check(foldAccents(password), [...HERE, ...known].map(foldAccents));
  const step = STEPS.filter((power) => guessesLog10 >= power).length;
  const word = t(`pw.s${step}`);
  const key = step < STEPS.length && chars < GOOD_CHARS ? 'pw.is_short15' : 'pw.is';
  return { value: Math.max(1, Math.min(FULL, guessesLog10)), text: t(key, { word }) };
}

/** Puts a meter below the field of a new password; `names` gives what is known of the person. */
export function measure(field, names) {
  const meter = make('meter', { min: 0, max: FULL, low: STEPS[0], high: STEPS[2], optimum: FULL, value: 0, 'aria-label': t('pw.strength') });
  const line = make('p', { id: `${field.id}-strength`, class: 'small', 'aria-live': 'polite' });
  byId(field.getAttribute('aria-describedby')).after(make('div', { class: 'strength' }, meter, line));
  const draw = async () => {
    try {
      const tools = await estimator();
      // While the lists came the field may have gone on.
      const verdict = field.value ? scorePassword(tools, field.value, names()) : { value: 0, text: '' };
      meter.value = verdict.value;
      if (line.textContent !== verdict.text) line.textContent = verdict.text;
    } catch {
      // Without the lists there is no verdict; the server has the last word anyway.
      loading = undefined;
      line.textContent = '';
    }
  };
  field.addEventListener('input', draw);
}
