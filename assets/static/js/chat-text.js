// Texts of messages, cleaned and counted as the server does it.

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
