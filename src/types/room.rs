//! Room codes, kinds and passwords.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use zeroize::Zeroizing;

use super::texts::{Key, key};

/// A room's code: 1 to 20 of `[A-Za-z0-9_-]` (`docs/API.md`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

    /// Returns the code as text.
    pub fn as_str(&self) -> &str {
        &self.0
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
    fn password_length_counts_characters() {
        let parse = |s: String| RoomPassword::parse(Zeroizing::new(s)).map(|_| ());
        assert_eq!(parse("ñañ".into()), Err(RoomPasswordError::TooShort));
        assert_eq!(parse("ñaña".into()), Ok(()));
        assert_eq!(parse("名".repeat(100)), Ok(()));
        assert_eq!(parse("x".repeat(101)), Err(RoomPasswordError::TooLong));
    }
}
