// Mentions: `@name` of a person in the room. Compared without regard to case and width of letters (NFKC), the longest name first.

/** A name has at most 32 characters; some become two. */
const MAX_NAME_UNITS = 64;
/** Signs of one text that are looked at. */
const MAX_SIGNS = 100;
/** An address such as `ana@example.co` is no mention. */
const SIGN = /(?<![\p{L}\p{M}\p{N}_.@/-])@(?=[\p{L}\p{N}])/gu;
/** More of a word: `@ana` is not in `@anabel` or `@ana.gil`, but in `@ana.`. */
const MORE = /^(?:[\p{L}\p{M}\p{N}_]|[.-]+[\p{L}\p{N}])/u;

/** A name as it is compared. */
export const foldName = (name) => name.normalize('NFKC').toLowerCase().normalize('NFKC');

/** Returns what finds the mentions of these people in a text, in order: `{ from, to, name }`, from the sign on. */
export function mentionFinder(names) {
  const known = new Map(names.map((name) => [foldName(name), name]));
  return function* find(text) {
    let signs = 0;
    for (const { index } of text.matchAll(SIGN)) {
      signs += 1;
      if (signs > MAX_SIGNS) return;
      let found = null;
      let to = index + 1;
      for (const char of text.slice(to, to + MAX_NAME_UNITS)) {
        to += char.length;
        const name = known.get(foldName(text.slice(index + 1, to)));
        if (name && !MORE.test(text.slice(to, to + MAX_NAME_UNITS))) found = { from: index, to, name };
      }
      if (found) yield found;
    }
  };
}
