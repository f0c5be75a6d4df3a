//! Emoji of a reaction.

use std::iter::Peekable;
use std::str::Chars;

use unicode_properties::emoji::{
    EmojiStatus, UnicodeEmoji as _, is_emoji_presentation_selector, is_regional_indicator, is_tag_character,
    is_zwj,
};
use zeroize::Zeroizing;

/// One emoji as a screen draws it, at most [`Self::MAX_BYTES`] of UTF-8; wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji(Zeroizing<String>);

/// The text is not one emoji.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a reaction is one emoji")]
pub struct NotAnEmoji;

impl Emoji {
    /// Maximum bytes: a family of four with skin tones has 41, one without has 25.
    pub const MAX_BYTES: usize = 32;

    /// Parses one emoji sequence (UTS #51, ED-17) that is drawn in color.
    ///
    /// # Errors
    /// Fails for any other text, and for a sequence of more than [`Self::MAX_BYTES`].
    pub fn parse(text: &str) -> Result<Self, NotAnEmoji> {
        if text.len() > Self::MAX_BYTES {
            return Err(NotAnEmoji);
        }
        let mut chars = text.chars().peekable();
        let mut is_first = true;
        loop {
            element(&mut chars, is_first).ok_or(NotAnEmoji)?;
            match chars.next() {
                None => return Ok(Self(Zeroizing::new(text.to_owned()))),
                Some(c) if is_zwj(c) => is_first = false,
                Some(_) => return Err(NotAnEmoji),
            }
        }
    }

    /// Returns the emoji as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads one element between joiners. The first must be drawn in color by itself; the others follow it.
fn element(chars: &mut Peekable<Chars<'_>>, is_first: bool) -> Option<()> {
    let base = chars.next()?;
    if matches!(base, '0'..='9' | '#' | '*') {
        chars.next_if(|c| is_emoji_presentation_selector(*c))?;
        return chars.next_if_eq(&KEYCAP).map(|_| ());
    }
    if is_regional_indicator(base) {
        return chars.next_if(|c| is_regional_indicator(*c)).map(|_| ());
    }
    let status = base.emoji_status();
    if !base.is_emoji_char() {
        return None;
    }
    let is_colored = chars.next_if(|c| is_emoji_presentation_selector(*c)).is_some()
        || (has_modifier(status) && chars.next_if(|c| is_modifier(*c)).is_some())
        || is_presentation(status);
    let mut is_tagged = false;
    while let Some(tag) = chars.next_if(|c| is_tag_character(*c)) {
        is_tagged = tag != CANCEL_TAG;
        if !is_tagged {
            break;
        }
    }
    (!is_tagged && (is_colored || !is_first)).then_some(())
}

/// Combining enclosing keycap.
const KEYCAP: char = '\u{20E3}';
/// End of a sequence of tags, as in the flag of Scotland.
const CANCEL_TAG: char = '\u{E007F}';

/// Returns true for the five skin tones.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Returns true for characters that take a skin tone.
fn has_modifier(status: EmojiStatus) -> bool {
    matches!(status, EmojiStatus::EmojiPresentationAndModifierBase | EmojiStatus::EmojiModifierBase)
}

/// Returns true for characters that are drawn in color without a selector.
fn is_presentation(status: EmojiStatus) -> bool {
    matches!(
        status,
        EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_emoji_is_accepted() {
        for emoji in ["👍", "👍🏽", "❤️", "😀", "1️⃣", "🇨🇴", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "☝🏿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🤷🏻‍♀️"]
        {
            assert_eq!(Emoji::parse(emoji).map(|e| e.as_str().to_owned()), Ok(emoji.to_owned()), "{emoji}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        let long = "👨🏽‍👩🏽‍👧🏽‍👦🏽‍👦🏽";
        for text in [
            "",
            "a",
            "1",
            "👍👍",
            "👍a",
            "ok",
            "❤",
            "☺\u{FE0E}",
            "\u{200D}",
            "👍\u{200D}",
            "🇨",
            "\u{1F3FB}\u{1F3FB}",
            "<b>",
            " 👍",
            long,
            "🏴\u{E0067}",
            "👍\u{301}",
        ] {
            assert_eq!(Emoji::parse(text), Err(NotAnEmoji), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parser_never_panics(text in "[\\PC👍🏽❤\u{FE0F}\u{200D}🇨1\u{20E3}\u{E0067}\u{E007F}]{0,9}") {
            if let Ok(emoji) = Emoji::parse(&text) {
                prop_assert!(emoji.as_str().len() <= Emoji::MAX_BYTES && !emoji.as_str().is_empty());
            }
        }
    }
}
