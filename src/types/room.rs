//! Room codes, kinds and passwords.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroizing;

use super::text::{MessageText, TextError};
use super::texts::{Key, key};

/// A room's code: 1 to 20 of `[A-Za-z0-9_-]` (`docs/API.md`). Compared without regard to case, kept as
/// written.
#[derive(Clone)]
pub struct RoomCode(heapless::String<{ Self::MAX }>);

/// Error of parsing a room code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RoomCodeError {
    /// More than 20 characters.
    #[error("a room code has at most 20 characters")]
    TooLong,
    /// Empty, or a character outside `[A-Za-z0-9_-]`.
    #[error("a room code is made of A-Z, a-z, 0-9, '_' and '-', at least one")]
    BadCharacter,
}

impl RoomCodeError {
    /// Returns the text for people.
    pub const fn text(&self) -> Key {
        match self {
            Self::TooLong => key::ROOM_CODE_TOO_LONG,
            Self::BadCharacter => key::ROOM_CODE_BAD,
        }
    }
}

impl RoomCode {
    /// Characters, each one byte.
    pub const MAX: usize = 20;

    /// Returns the code as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for RoomCode {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for RoomCode {}

impl Hash for RoomCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
        // No code is the beginning of another for the hasher.
        state.write_u8(0xff);
    }
}

impl PartialOrd for RoomCode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RoomCode {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl FromStr for RoomCode {
    type Err = RoomCodeError;

    fn from_str(s: &str) -> Result<Self, RoomCodeError> {
        if s.chars().nth(Self::MAX).is_some() {
            return Err(RoomCodeError::TooLong);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if s.is_empty() || !s.bytes().all(allowed) {
            return Err(RoomCodeError::BadCharacter);
        }
        heapless::String::try_from(s).map(Self).map_err(|_| RoomCodeError::TooLong)
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomCode({})", self.0)
    }
}

/// Kind of a room: listed in the lobby or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Not listed; code and password are needed to join.
    Private,
    /// Listed with its number of members; the password is still needed.
    Group,
}

impl RoomKind {
    /// Returns the kind's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
        }
    }
}

/// Name of a room beside its code: one line of at most 60 characters, sanitized as a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomLabel(Arc<str>);

impl RoomLabel {
    /// Maximum characters.
    pub const MAX_CHARS: usize = 60;

    /// Sanitizes a label. A blank one is none.
    ///
    /// # Errors
    /// Fails if it is longer than [`RoomLabel::MAX_CHARS`].
    pub fn parse(raw: &str) -> Result<Option<Self>, TextError> {
        let line = raw.replace(['\n', '\t'], " ");
        match MessageText::parse(line.trim(), Self::MAX_CHARS) {
            Ok(text) => Ok(Some(Self(text.as_str().into()))),
            Err(TextError::Blank) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Room password as a client sent it: 4 to 100 characters, wiped on drop, never shown.
pub struct RoomPassword(Zeroizing<String>);

/// Error of parsing a room password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RoomPasswordError {
    /// Under 4 characters.
    #[error("a room password has at least 4 characters")]
    TooShort,
    /// Over 100 characters.
    #[error("a room password has at most 100 characters")]
    TooLong,
}

impl RoomPasswordError {
    /// Returns the text for people.
    pub const fn text(&self) -> Key {
        match self {
            Self::TooShort => key::ROOM_PASSWORD_TOO_SHORT,
            Self::TooLong => key::ROOM_PASSWORD_TOO_LONG,
        }
    }
}

impl RoomPassword {
    /// Minimum characters.
    pub const MIN_CHARS: usize = 4;
    /// Maximum characters (as in the Python program).
    pub const MAX_CHARS: usize = 100;

    /// Checks the length; the text is wiped when this value is dropped.
    pub fn parse(text: Zeroizing<String>) -> Result<Self, RoomPasswordError> {
        match text.chars().count() {
            0..Self::MIN_CHARS => Err(RoomPasswordError::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => Ok(Self(text)),
            _ => Err(RoomPasswordError::TooLong),
        }
    }

    /// Returns the password, for the hasher only.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for RoomPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomPassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_codes_are_ascii_and_bounded() {
        assert!("Sala_1-b".parse::<RoomCode>().is_ok());
        assert!("a".repeat(20).parse::<RoomCode>().is_ok());
        assert_eq!("a".repeat(21).parse::<RoomCode>(), Err(RoomCodeError::TooLong));
        assert_eq!("ñ".repeat(300).parse::<RoomCode>(), Err(RoomCodeError::TooLong));
        for bad in ["", "a b", "ñ", "a/b", "a\n"] {
            assert_eq!(bad.parse::<RoomCode>(), Err(RoomCodeError::BadCharacter), "{bad:?}");
        }
    }

    #[test]
    fn room_codes_ignore_case_and_keep_it() {
        let code = |text: &str| text.parse::<RoomCode>().expect("valid");
        let hash = |code: &RoomCode| {
            let mut hasher = std::hash::DefaultHasher::new();
            code.hash(&mut hasher);
            hasher.finish()
        };
        let (written, typed) = (code("Ventas-1"), code("VENTAS-1"));
        assert!(written == typed && hash(&written) == hash(&typed) && written.cmp(&typed).is_eq());
        assert_eq!(written.as_str(), "Ventas-1");
        assert!(code("a_") != code("a-") && code("a") < code("B"));
    }

    #[test]
    fn label_is_one_clean_line_or_none() {
        let parse = |raw: &str| RoomLabel::parse(raw).map(|label| label.map(|l| l.as_str().to_owned()));
        assert_eq!(parse(" Ventas\n\u{202e}2026 "), Ok(Some("Ventas 2026".into())));
        assert_eq!(parse(" \n"), Ok(None));
        assert_eq!(parse(&"ñ".repeat(61)), Err(TextError::TooLong { max: 60 }));
    }

    #[test]
    fn password_length_counts_characters() {
        let parse = |s: String| RoomPassword::parse(Zeroizing::new(s)).map(|_| ());
        assert_eq!(parse("ñañ".into()), Err(RoomPasswordError::TooShort));
        assert_eq!(parse("ñaña".into()), Ok(()));
        assert_eq!(parse("名".repeat(100)), Ok(()));
        assert_eq!(parse("x".repeat(101)), Err(RoomPasswordError::TooLong));
    }
}
