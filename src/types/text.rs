//! Sanitized text of a message.

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use zeroize::Zeroizing;

use super::ZeroizingCow;
use super::texts::{Key, key};

/// Compiled ceiling of a message, in Unicode scalar values; `[limits] message_chars` may only lower it.
pub const MAX_TEXT_CHARS: usize = 4000;

/// Sanitized message: NFC, no control character except newline and tab, no bidi override or isolate, at least
/// one visible character. Owned if the sanitizer changed it, and then wiped on drop.
pub struct MessageText<'a>(ZeroizingCow<'a>);

/// Error of parsing a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// The text has no visible character.
    #[error("the message is blank")]
    Blank,
    /// The sanitized text is longer than the limit.
    #[error("the message is longer than {max} characters")]
    TooLong {
        /// Limit in force.
        max: usize,
    },
}

/// Returns true for bidi embeddings, overrides and isolates: they can change the reading order of a text (UAX
/// #9, section 2).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Code points that draw nothing, first and last of each range: `Default_Ignorable_Code_Point` of Unicode 16,
/// the blank Braille cell, annotation anchors and the null notehead. The pages have the same list in
/// `chat-text.js`.
const INVISIBLE: [(char, char); 19] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns true for white space and for characters that draw nothing.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Makes one line safe for a terminal: each control character, bidi control and line separator becomes a
/// space.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { ' ' } else { c }).collect()
}

/// Makes a text of several lines safe for a terminal; line feeds stay.
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && is_control(c) { ' ' } else { c }).collect()
}

/// Returns true for characters that move a terminal's cursor, change its state, or change a line's reading
/// order.
fn is_control(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
}

impl TextError {
    /// Returns the text for people.
    pub const fn text(&self) -> Key {
        match self {
            Self::Blank => key::MESSAGE_BLANK,
            Self::TooLong { .. } => key::MESSAGE_TOO_LONG,
        }
    }
}

impl<'a> MessageText<'a> {
    /// Sanitizes `raw` and checks it against `max` characters. Nothing is trimmed.
    pub fn parse(raw: &'a str, max: usize) -> Result<Self, TextError> {
        let text = if is_already_clean(raw) { accept_clean(raw, max)? } else { sanitize(raw, max)? };
        if text.chars().all(is_invisible) {
            return Err(TextError::Blank);
        }
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns true if the sanitizer would not change the text, whatever precedes or follows it. Covers the texts
/// of Western languages: nothing below U+0300 composes with the preceding character or decomposes in NFC (UAX
/// #15, section 9), and there is no bidi control; only control characters are excluded.
///
/// Works on bytes of UTF-8 without a branch per byte, so that it vectorizes.
fn is_already_clean(text: &str) -> bool {
    let bytes = text.as_bytes();
    // U+0080 to U+02FF begin with one of 0xC2 to 0xCB; their second bytes have the form 10xxxxxx.
    let below_300 = |b: u8| matches!(b, b'\n' | b'\t' | b' '..=b'~' | 0x80..=0xbf | 0xc2..=0xcb);
    // U+0080 to U+009F.
    let control = |(b, next): (&u8, &u8)| *b == 0xc2 && *next < 0xa0;
    bytes.iter().fold(true, |plain, b| plain & below_300(*b))
        && !bytes.iter().zip(bytes.iter().skip(1)).fold(false, |any, pair| any | control(pair))
}

/// Accepts a text that needs no sanitizing.
fn accept_clean(raw: &str, max: usize) -> Result<ZeroizingCow<'_>, TextError> {
    if raw.len() > max && raw.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(ZeroizingCow::borrowed(raw))
}

/// Removes forbidden characters and composes the rest.
fn sanitize(raw: &str, max: usize) -> Result<ZeroizingCow<'static>, TextError> {
    let kept = |c: &char| !is_bidi_control(*c) && (!c.is_control() || matches!(c, '\n' | '\t'));
    let chars = raw.chars().filter(kept);
    // Nearly every text is already composed; checking that takes a tenth of composing.
    match is_nfc_quick(chars.clone()) {
        IsNormalized::Yes => collect_limited(chars, raw.len(), max),
        IsNormalized::No | IsNormalized::Maybe => collect_limited(chars.nfc(), raw.len(), max),
    }
}

/// Collects at most `max` characters of a text of `bytes` bytes.
fn collect_limited(
    chars: impl Iterator<Item = char>,
    bytes: usize,
    max: usize,
) -> Result<ZeroizingCow<'static>, TextError> {
    // Full capacity at once: a growing text would leave copies of itself in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(bytes * 3));
    for (i, c) in chars.enumerate() {
        if i >= max {
            return Err(TextError::TooLong { max });
        }
        text.push(c);
    }
    Ok(ZeroizingCow::owned(std::mem::take(&mut text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Result<String, TextError> {
        MessageText::parse(raw, 10).map(|t| t.as_str().to_owned())
    }

    #[test]
    fn sanitizer_removes_only_controls_and_bidi() {
        assert_eq!(parse(" a\r\n\tb\u{7}\u{202e}\u{2066} "), Ok(" a\n\tb ".into()));
        assert_eq!(parse("<b>&\"'"), Ok("<b>&\"'".into()), "text goes out as it came in");
        assert_eq!(parse("e\u{301}"), Ok("é".into()));
    }

    #[test]
    fn blank_and_too_long_are_different_errors() {
        assert_eq!(parse(""), Err(TextError::Blank));
        assert_eq!(parse(" \n\u{3000}\u{202e}"), Err(TextError::Blank));
        assert_eq!(parse("0123456789"), Ok("0123456789".into()));
        assert_eq!(parse("0123456789a"), Err(TextError::TooLong { max: 10 }));
        assert_eq!(parse("🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀"), Ok("🦀".repeat(10)), "scalar values, not bytes");
    }

    #[test]
    fn texts_that_show_nothing_are_blank() {
        for raw in ["\u{200b}", "\u{feff}", "\u{3164}", "\u{2800}", "\u{115f}\u{1160}", "\u{17b4}\u{17b5}"] {
            assert_eq!(parse(raw), Err(TextError::Blank), "{raw:?}");
        }
        for raw in
            ["\u{200d}", "\u{200c}", "\u{fe0f}", "\u{e0101}", "\u{ad}", "\u{61c} \u{34f}\n", "\u{1d159}"]
        {
            assert_eq!(parse(raw), Err(TextError::Blank), "{raw:?}");
        }
        // Parts of a text that shows something stay.
        for text in ["👩\u{200d}🔧", "❤\u{fe0f}", "می\u{200c}خواهم", "\u{301}", "\u{200b}."] {
            assert_eq!(parse(text), Ok(text.into()));
        }
    }

    /// Returns the ranges of `INVISIBLE` in the pages' script.
    fn ranges_of_the_pages() -> Vec<(u32, u32)> {
        let script = include_str!("../../assets/static/js/chat-text.js");
        let (_, list) = script.split_once("const INVISIBLE = [").expect("the list");
        let (list, _) = list.split_once("];").expect("its end");
        let hex =
            |text: &str| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).expect("a number");
        let ranges = list.split('[').skip(1).map(|range| {
            let (first, rest) = range.split_once(',').expect("two numbers");
            (hex(first), hex(rest.split_once(']').expect("an end").0))
        });
        ranges.collect()
    }

    #[test]
    fn pages_have_the_same_invisible_characters() {
        let own: Vec<_> = INVISIBLE.iter().map(|(a, b)| (u32::from(*a), u32::from(*b))).collect();
        assert_eq!(ranges_of_the_pages(), own);
    }

    #[test]
    fn fast_path_matches_sanitizer_below_u0300() {
        for c in '\0'..'\u{300}' {
            let raw = c.to_string();
            let stays = sanitize(&raw, 1).is_ok_and(|left| *left == raw);
            assert_eq!(is_already_clean(&raw), stays, "U+{:04X}", u32::from(c));
            assert_eq!(is_already_clean(&format!("ñ{raw}b")), stays, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn fast_path_excludes_u0300_and_above() {
        let mut utf8 = [0; 4];
        let plain = ('\u{300}'..=char::MAX).find(|c| is_already_clean(c.encode_utf8(&mut utf8)));
        assert_eq!(plain, None);
    }

    /// Returns a character that draws nothing.
    fn invisible() -> impl Strategy<Value = char> {
        let ignorable = proptest::sample::select(&INVISIBLE[..])
            .prop_flat_map(|(first, last)| proptest::char::range(first, last));
        prop_oneof![
            ignorable,
            proptest::sample::select(vec![' ', '\n', '\t', '\u{a0}', '\u{3000}', '\u{85}'])
        ]
    }

    proptest! {
        #[test]
        fn only_visible_characters_make_a_message(
            nothing in proptest::collection::vec(invisible(), 0..20),
            visible in "[!-~ñ-ÿ가-힣\u{1f600}-\u{1f64f}]",
            at in 0..20_usize,
        ) {
            let mut raw: String = nothing.iter().collect();
            prop_assert_eq!(MessageText::parse(&raw, 200).err(), Some(TextError::Blank));
            raw.insert_str(raw.char_indices().nth(at).map_or(raw.len(), |(at, _)| at), &visible);
            prop_assert!(MessageText::parse(&raw, 200).is_ok_and(|text| text.as_str().contains(&visible)));
        }

        #[test]
        fn quick_nfc_check_matches_full_composition(raw in "[a-zñé\u{300}-\u{303}\u{1100}-\u{1175}ﬁÅ]{1,30}") {
            let composed: String = raw.nfc().collect();
            prop_assert_eq!(MessageText::parse(&raw, 200).map(|t| t.as_str().to_owned()), Ok(composed));
        }

        #[test]
        fn fast_path_accepts_only_unchanged_text(raw in "[\u{0}-\u{2ff}\n\t]{0,3}[\u{0}-\u{310}\u{2020}-\u{202f}]{0,3}", max in 0..6_usize) {
            let slow = sanitize(&raw, max);
            if is_already_clean(&raw) {
                let text = |said: Result<ZeroizingCow<'_>, TextError>| said.map(|said| said.to_owned());
                prop_assert_eq!(text(accept_clean(&raw, max)), text(slow));
            } else if raw.chars().all(|c| c < '\u{300}') {
                let left = sanitize(&raw, raw.len()).expect("as long as it was at the most");
                prop_assert!(*left != raw, "something goes");
            }
        }

        #[test]
        fn sanitizer_is_idempotent(raw in "\\PC{0,40}|.{0,40}") {
            if let Ok(once) = MessageText::parse(&raw, 200) {
                let twice = MessageText::parse(once.as_str(), 200).map(|t| t.as_str().to_owned());
                prop_assert_eq!(twice, Ok(once.as_str().to_owned()));
            }
        }
    }
}
