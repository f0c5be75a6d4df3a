//! Identity of a person.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

/// Row number of an account in the store; never shown, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// User name: 1 to 32 letters, digits, `.`, `_` or `-` of any script, in NFC, at most 64 bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(heapless::String<{ Self::MAX_BYTES }>);

/// Error of parsing a user name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UserNameError {
    /// The text is empty.
    #[error("a user name cannot be empty")]
    Empty,
    /// The text has more than 32 characters or 64 bytes.
    #[error("a user name has at most 32 characters and 64 bytes")]
    TooLong,
    /// A character is not a letter, digit, `.`, `_` or `-`.
    #[error("a user name can only have letters, digits, '.', '_' and '-'")]
    BadCharacter,
}

impl UserName {
    /// Maximum bytes, two a character: enough for every Latin, Greek, Cyrillic, Hebrew or Arabic name of 32
    /// characters.
    pub const MAX_BYTES: usize = 64;
    const MAX_CHARS: usize = 32;

    /// Returns the name of the account that `ADMIN_PASS` creates.
    pub fn admin() -> Self {
        let mut name = heapless::String::new();
        // Five of 64 bytes.
        let _ = name.push_str("admin");
        Self(name)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the common key of all spellings of a name; unique in the store.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(s: &str) -> Result<Self, UserNameError> {
        let mut name = heapless::String::new();
        for (i, c) in s.nfc().enumerate() {
            if i >= Self::MAX_CHARS {
                return Err(UserNameError::TooLong);
            }
            if !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) {
                return Err(UserNameError::BadCharacter);
            }
            name.push(c).map_err(|_| UserNameError::TooLong)?;
        }
        if name.is_empty() {
            return Err(UserNameError::Empty);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Person as rooms and files know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Identity. The name may be shown; the id decides.
    pub id: UserId,
    /// Name shown to others.
    pub name: UserName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_normalized_and_bounded() {
        assert_eq!("Jose\u{301}".parse::<UserName>().map(|n| n.to_string()), Ok("José".into()));
        assert_eq!("".parse::<UserName>(), Err(UserNameError::Empty));
        assert_eq!("a b".parse::<UserName>(), Err(UserNameError::BadCharacter));
        assert_eq!("a\u{202e}b".parse::<UserName>(), Err(UserNameError::BadCharacter));
        assert_eq!("x".repeat(33).parse::<UserName>(), Err(UserNameError::TooLong));
        assert_eq!("名".repeat(32).parse::<UserName>(), Err(UserNameError::TooLong), "32 × 3 bytes");
        assert!("x".repeat(32).parse::<UserName>().is_ok());
    }

    #[test]
    fn spellings_of_a_name_share_a_key() {
        let key = |s: &str| s.parse::<UserName>().map(|n| n.key());
        assert_eq!(key("Admin"), key("admin"));
    }
}
