//! The one-time code that makes whoever holds the device its administrator.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::crockford;

/// A claim code: 13 characters of Crockford's base32, 65 bits. At ten tries a minute the whole life of the device finds none.
#[derive(Clone)]
pub struct ClaimCode([u8; Self::CHARS]);

/// A text that is no claim code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a claim code has 13 letters and digits")]
pub struct ClaimCodeError;

impl ClaimCode {
    /// Characters, without the hyphens between groups.
    pub const CHARS: usize = 13;

    /// A new code from the operating system's randomness.
    pub fn random() -> Self {
        Self(crockford::draw())
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl FromStr for ClaimCode {
    type Err = ClaimCodeError;

    /// As people type it: any case, hyphens and blanks anywhere, O for 0, I and L for 1.
    fn from_str(text: &str) -> Result<Self, ClaimCodeError> {
        crockford::read(text).map(Self).ok_or(ClaimCodeError)
    }
}

/// In groups of 4, 4 and 5, as it is shown.
impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 8) {
                f.write_str("-")?;
            }
            fmt::Write::write_char(f, char::from(*byte))?;
        }
        Ok(())
    }
}

/// Without the code: it is a secret until it was used.
impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

impl Drop for ClaimCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why the device may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Nobody has an account yet.
    First,
    /// Somebody who holds the card asked for it: the administrator is lost.
    Again,
}

impl ClaimKind {
    /// The word in the store, in the audit and in the state file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "again",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::First, Self::Again].into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code: ClaimCode = "0123-4567-89ABC".parse().unwrap();
        for same in ["0123456789abc", " o123 4567 89abc ", "O I 2 3 4567-89AbC", "0L23-4567-89abc", "0123–4567–89ABC"] {
            assert!(code.matches(&same.parse().unwrap()), "{same}");
        }
        for bad in ["", "0123-4567-89AB", "0123-4567-89ABCD", "0123-4567-89ABU", "0123-4567-89AB*", "ñ123-4567-89ABC"] {
            assert_eq!(bad.parse::<ClaimCode>().err(), Some(ClaimCodeError), "{bad}");
        }
        assert!(!code.matches(&"0123-4567-89ABD".parse().unwrap()));
        assert_eq!(format!("{code:?}"), "ClaimCode(…)");
    }

    #[test]
    fn no_two_codes_are_the_same_and_every_character_comes_up() {
        let codes: std::collections::HashSet<_> = (0..200).map(|_| ClaimCode::random().to_string()).collect();
        assert_eq!(codes.len(), 200);
        let seen: std::collections::HashSet<_> = codes.iter().flat_map(|c| c.bytes()).filter(|b| *b != b'-').collect();
        // 2,600 draws of 32: that one is missing has a chance of 32 · (31/32)^2600, under 10^-34.
        assert_eq!(seen.len(), 32);
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(bytes in any::<[u8; 13]>()) {
            let code = ClaimCode(crockford::spell(bytes));
            let shown = code.to_string();
            prop_assert_eq!(shown.len(), 15);
            prop_assert!(code.matches(&shown.parse().unwrap()));
            prop_assert!(code.matches(&shown.to_lowercase().replace('-', "").parse().unwrap()));
        }

        #[test]
        fn any_text_is_a_code_or_an_error(text in any::<String>()) {
            let _ = text.parse::<ClaimCode>();
        }
    }
}
