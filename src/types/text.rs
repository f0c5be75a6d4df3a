//! The text of a message, made safe to hand on.

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use zeroize::Zeroizing;

use super::{Said, Text};

/// Compiled ceiling of a message, in Unicode scalar values; `[limits] message_chars` may only lower it.
pub const MAX_TEXT_CHARS: usize = 4000;

/// What a person said: NFC, no control character but newline and tab, no bidi override or isolate, not blank. Where cleaning changed something it
/// is a text of its own, and wiped when dropped.
pub struct MessageText<'a>(Said<'a>);

/// Why a text is no message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// Nothing is left that a person could read.
    #[error("the message is blank")]
    Blank,
    /// Longer than the limit, after cleaning.
    #[error("the message is longer than {max} characters")]
    TooLong {
        /// The limit in force.
        max: usize,
    },
}

/// Bidi embeddings, overrides and isolates: they can make a text read as something it is not (UAX #9, section 2).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Makes one line of text safe for a terminal: each control character, bidi control and line separator becomes a space.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// The same for a text of several lines, of which the line feeds stay.
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && steers(c) { ' ' } else { c }).collect()
}

/// Returns true for what moves a terminal's cursor, changes its state, or makes a line read as something that it is not.
fn steers(c: char) -> bool {
    c.is_control() || is_bidi_control(c) || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
}

impl TextError {
    /// What a person reads.
    pub const fn text(&self) -> Text {
        match self {
            Self::Blank => Text::new("el mensaje está vacío", "the message is blank"),
            Self::TooLong { .. } => Text::new("el mensaje pasa del límite", "the message is over the limit"),
        }
    }
}

impl<'a> MessageText<'a> {
    /// Cleans `raw` and checks it against `max` characters. Nothing is trimmed.
    pub fn parse(raw: &'a str, max: usize) -> Result<Self, TextError> {
        let text = if is_plain(raw) { whole(raw, max)? } else { cleaned(raw, max)? };
        if text.chars().all(char::is_whitespace) {
            return Err(TextError::Blank);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether all of it stays as it is, whatever stands beside it: what Western languages are written with. Nothing below U+0300 composes with what
/// stands before it or decomposes in NFC (UAX #15, section 9), and no bidi control is there; what goes are the controls.
///
/// Looked at as bytes of UTF-8 and without a branch for each, so that many are looked at in one step.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // U+0080 to U+02FF begin with one of 0xC2 to 0xCB; what follows has the form 10xxxxxx.
    let below_300 = |b: u8| matches!(b, b'\n' | b'\t' | b' '..=b'~' | 0x80..=0xbf | 0xc2..=0xcb);
    // U+0080 to U+009F.
    let control = |(b, next): (&u8, &u8)| *b == 0xc2 && *next < 0xa0;
    bytes.iter().fold(true, |plain, b| plain & below_300(*b))
        && !bytes.iter().zip(bytes.iter().skip(1)).fold(false, |any, pair| any | control(pair))
}

/// A text of which nothing goes and nothing changes.
fn whole(raw: &str, max: usize) -> Result<Said<'_>, TextError> {
    if raw.len() > max && raw.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(Said::as_it_is(raw))
}

/// A text without what is not kept, composed.
fn cleaned(raw: &str, max: usize) -> Result<Said<'static>, TextError> {
    let kept = |c: &char| !is_bidi_control(*c) && (!c.is_control() || matches!(c, '\n' | '\t'));
    let chars = raw.chars().filter(kept);
    // Nearly every text is composed already, and to see that takes a tenth of composing it.
    match is_nfc_quick(chars.clone()) {
        IsNormalized::Yes => bounded(chars, raw.len(), max),
        IsNormalized::No | IsNormalized::Maybe => bounded(chars.nfc(), raw.len(), max),
    }
}

/// At most `max` characters of a text of `bytes` bytes.
fn bounded(chars: impl Iterator<Item = char>, bytes: usize, max: usize) -> Result<Said<'static>, TextError> {
    // Reserved up front so that no half-grown copy of the text is left behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(bytes * 3));
    for (i, c) in chars.enumerate() {
        if i >= max {
            return Err(TextError::TooLong { max });
        }
        text.push(c);
    }
    Ok(Said::anew(std::mem::take(&mut text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Result<String, TextError> {
        MessageText::parse(raw, 10).map(|t| t.as_str().to_owned())
    }

    #[test]
    fn controls_and_bidi_go_the_rest_stays() {
        assert_eq!(parse(" a\r\n\tb\u{7}\u{202e}\u{2066} "), Ok(" a\n\tb ".into()));
        assert_eq!(parse("<b>&\"'"), Ok("<b>&\"'".into()), "text goes out as it came in");
        assert_eq!(parse("e\u{301}"), Ok("é".into()));
    }

    #[test]
    fn blank_and_long_are_told_apart() {
        assert_eq!(parse(""), Err(TextError::Blank));
        assert_eq!(parse(" \n\u{3000}\u{202e}"), Err(TextError::Blank));
        assert_eq!(parse("0123456789"), Ok("0123456789".into()));
        assert_eq!(parse("0123456789a"), Err(TextError::TooLong { max: 10 }));
        assert_eq!(parse("🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀"), Ok("🦀".repeat(10)), "scalar values, not bytes");
    }

    #[test]
    fn plain_is_every_character_below_the_combining_ones_that_cleaning_leaves_alone() {
        for c in '\0'..'\u{300}' {
            let raw = c.to_string();
            let stays = cleaned(&raw, 1).is_ok_and(|left| *left == raw);
            assert_eq!(is_plain(&raw), stays, "U+{:04X}", u32::from(c));
            assert_eq!(is_plain(&format!("ñ{raw}b")), stays, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn nothing_from_the_combining_ones_on_is_plain() {
        let mut utf8 = [0; 4];
        let plain = ('\u{300}'..=char::MAX).find(|c| is_plain(c.encode_utf8(&mut utf8)));
        assert_eq!(plain, None);
    }

    proptest! {
        #[test]
        fn the_quick_look_changes_nothing(raw in "[a-zñé\u{300}-\u{303}\u{1100}-\u{1175}ﬁÅ]{1,30}") {
            let composed: String = raw.nfc().collect();
            prop_assert_eq!(MessageText::parse(&raw, 200).map(|t| t.as_str().to_owned()), Ok(composed));
        }

        #[test]
        fn what_is_plain_is_what_cleaning_leaves_alone(raw in "[\u{0}-\u{2ff}\n\t]{0,3}[\u{0}-\u{310}\u{2020}-\u{202f}]{0,3}", max in 0..6_usize) {
            let slow = cleaned(&raw, max);
            if is_plain(&raw) {
                let text = |said: Result<Said<'_>, TextError>| said.map(|said| said.to_owned());
                prop_assert_eq!(text(whole(&raw, max)), text(slow));
            } else if raw.chars().all(|c| c < '\u{300}') {
                let left = cleaned(&raw, raw.len()).expect("as long as it was at the most");
                prop_assert!(*left != raw, "something goes");
            }
        }

        #[test]
        fn cleaning_is_idempotent(raw in "\\PC{0,40}|.{0,40}") {
            if let Ok(once) = MessageText::parse(&raw, 200) {
                let twice = MessageText::parse(once.as_str(), 200).map(|t| t.as_str().to_owned());
                prop_assert_eq!(twice, Ok(once.as_str().to_owned()));
            }
        }
    }
}
