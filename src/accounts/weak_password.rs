//! Reasons why a password is not acceptable.

use crate::types::Localized;

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
    pub const fn text(self) -> Localized {
        match self {
            Self::TooShort => Localized::new(
                "debe tener al menos 8 caracteres; 15 o más es mejor",
                "it needs at least 8 characters; 15 or more is better",
            ),
            Self::TooLong => {
                Localized::new("puede tener hasta 128 caracteres", "it can have up to 128 characters")
            }
            Self::Common => Localized::new(
                "esa es una de las más usadas y es fácil de adivinar",
                "that one is among the most common and is easy to guess",
            ),
            Self::KnownWord => Localized::new(
                "esa se parece demasiado a tu usuario, a la dirección de PiChat o a «pichat»",
                "that one is too close to your user name, PiChat’s address, or “pichat”",
            ),
            Self::Same => Localized::new("es la misma que ya tenías", "it is the one you had already"),
        }
    }
}
