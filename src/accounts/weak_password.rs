//! Reasons why a password is not acceptable.

use crate::types::texts::{Key, key};

/// Reason why a password is not acceptable.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum WeakPassword {
    /// Under 8 characters.
    #[error("a password has at least 8 characters")]
    TooShort,
    /// Over 128 characters.
    #[error("a password has at most 128 characters")]
    TooLong,
    /// One of the most common.
    #[error("the password is one of the most common")]
    Common,
    /// Too close to the user's name, the device's name or `pichat`.
    #[error("the password is too close to a well-known name")]
    KnownWord,
    /// The current password.
    #[error("the new password is the current one")]
    Same,
}

impl WeakPassword {
    /// Returns the broken rule as a sentence.
    pub const fn text(self) -> Key {
        match self {
            Self::TooShort => key::PASSWORD_TOO_SHORT,
            Self::TooLong => key::PASSWORD_TOO_LONG,
            Self::Common => key::PASSWORD_COMMON,
            Self::KnownWord => key::PASSWORD_KNOWN_WORD,
            Self::Same => key::PASSWORD_SAME,
        }
    }
}
