// Texts of messages: cleaned and counted as the server does it, and split into plain text, links and code.

/** Code points that draw nothing, first and last of each range. `INVISIBLE` of src/types/text.rs is the same list. */
const INVISIBLE = [
  [0xad, 0xad], [0x34f, 0x34f], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x200b, 0x200f],
  [0x202a, 0x202e], [0x2060, 0x206f], [0x2800, 0x2800], [0x3164, 0x3164], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0],
  [0xfff0, 0xfffb], [0x1bca0, 0x1bca3], [0x1d159, 0x1d159], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
];

const range = ([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`;
const BLANK = new RegExp(`^[\\p{White_Space}${INVISIBLE.map(range).join('')}]*$`, 'u');

/** Controls but newline and tab, and what changes the order of reading. */
const REMOVED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A text as the server will spell it. Half an emoji becomes U+FFFD: JSON cannot say it. */
export const clean = (text) => text.replace(/\p{Cs}/gu, '\ufffd').replace(REMOVED, '').normalize('NFC');

/** Length of a cleaned text in Unicode scalar values, as the server counts. */
export const count = (text) => [...text].length;

/** Returns true if a cleaned text shows nothing. */
export const isBlank = (text) => BLANK.test(text);

/** A block between fences, code between back-ticks, or what may be an address. */
const PART = /```(?:[\w+#.-]{1,20}\n)?([^]*?)```|`([^`\n]+)`|\bhttps?:\/\/[^\s<>"`\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+/gi;
const TRAILING = /[.,;:!?¡¿…'’”»*_~]/;
const PAIRS = { ')': '(', ']': '[', '}': '{' };

/** An address without the punctuation of its sentence; a closing bracket stays if it was opened in it. */
function withoutTrailing(url) {
  const open = {};
  for (const sign of url) if ('([{)]}'.includes(sign)) open[sign] = (open[sign] ?? 0) + 1;
  let end = url.length;
  for (; end > 0; end -= 1) {
    const last = url[end - 1];
    const isExtra = last in PAIRS && open[last] > (open[PAIRS[last]] ?? 0);
    if (!isExtra && !TRAILING.test(last)) break;
    if (last in open) open[last] -= 1;
  }
  return url.slice(0, end);
}

/** Only web addresses that do not pretend to be another's: `https://bank@evil` stays text. */
function isLink(text) {
  try {
    const { protocol, hostname, username, password } = new URL(text);
    return ['http:', 'https:'].includes(protocol) && hostname !== '' && !username && !password;
  } catch {
    return false;
  }
}

/** Splits a text: `{ kind: 'text' | 'link' | 'code' | 'block', text }`, in order. */
export function parts(text) {
  const found = [];
  let plain = '';
  const push = (kind, part) => {
    if (plain) found.push({ kind: 'text', text: plain });
    plain = '';
    found.push({ kind, text: part });
  };
  let from = 0;
  for (const match of text.matchAll(PART)) {
    const [whole, block, code] = match;
    plain += text.slice(from, match.index);
    from = match.index + whole.length;
    if (block !== undefined && !isBlank(block)) {
      push('block', block.replace(/^\n|\n$/g, ''));
      // The fence's own line ends with it.
      if (text[from] === '\n') from += 1;
    } else if (code !== undefined && !isBlank(code)) push('code', code);
    else if (block === undefined && code === undefined && isLink(withoutTrailing(whole))) {
      const link = withoutTrailing(whole);
      push('link', link);
      plain = whole.slice(link.length);
    } else plain += whole;
  }
  plain += text.slice(from);
  if (plain) found.push({ kind: 'text', text: plain });
  return found;
}
