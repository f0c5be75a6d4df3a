//! Setup code: the one-time code that makes its first user the administrator.

use std::fmt;
use std::str::FromStr;

use super::grouped_code::GroupedCode;

/// Claim code: 13 characters of Crockford's base32, 65 bits. At ten attempts a minute, guessing it takes
/// longer than the device lives.
#[derive(Clone)]
pub struct ClaimCode(GroupedCode<{ Self::CHARS }>);

/// The text is not a claim code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a claim code has 13 letters and digits")]
pub struct ClaimCodeError;

impl ClaimCode {
    /// Number of characters, without the hyphens between groups.
    pub const CHARS: usize = 13;

    /// Returns a new code from the operating system's randomness.
    pub fn random() -> Self {
        Self(GroupedCode::random())
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.matches(&other.0)
    }
}

impl FromStr for ClaimCode {
    type Err = ClaimCodeError;

    /// Parses lenient input: any case, hyphens and blanks anywhere, O for 0, I and L for 1.
    fn from_str(text: &str) -> Result<Self, ClaimCodeError> {
        GroupedCode::parse_lenient(text).map(Self).ok_or(ClaimCodeError)
    }
}

/// Shown in groups of 4, 4 and 5.
impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Omits the code: it is secret until it was used.
impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

/// Reason of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// There are no accounts yet.
    First,
    /// The holder of the card requested it: the administrator's access was lost.
    Again,
}

impl ClaimKind {
    /// Returns the value in the store, the audit and the state file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "again",
        }
    }

    /// Parses that value.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::First, Self::Again].into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn claim_code_parses_lenient_input() {
        let code: ClaimCode = "0123-4567-89ABC".parse().unwrap();
        for same in
            ["0123456789abc", " o123 4567 89abc ", "O I 2 3 4567-89AbC", "0L23-4567-89abc", "0123–4567–89ABC"]
        {
            assert!(code.matches(&same.parse().unwrap()), "{same}");
        }
        for bad in [
            "",
            "0123-4567-89AB",
            "0123-4567-89ABCD",
            "0123-4567-89ABU",
            "0123-4567-89AB*",
            "ñ123-4567-89ABC",
        ] {
            assert_eq!(bad.parse::<ClaimCode>().err(), Some(ClaimCodeError), "{bad}");
        }
        assert!(!code.matches(&"0123-4567-89ABD".parse().unwrap()));
        assert_eq!(format!("{code:?}"), "ClaimCode(…)");
    }

    #[test]
    fn random_codes_differ_and_use_every_character() {
        let codes: std::collections::HashSet<_> = (0..200).map(|_| ClaimCode::random().to_string()).collect();
        assert_eq!(codes.len(), 200);
        let seen: std::collections::HashSet<_> =
            codes.iter().flat_map(|c| c.bytes()).filter(|b| *b != b'-').collect();
        // 2,600 draws of 32: the probability that one is missing is 32 · (31/32)^2600, under 10^-34.
        assert_eq!(seen.len(), 32);
    }

    proptest! {
        #[test]
        fn displayed_claim_code_parses_back(bytes in any::<[u8; 13]>()) {
            let code = ClaimCode(GroupedCode::of(bytes));
            let shown = code.to_string();
            prop_assert_eq!(shown.len(), 15);
            prop_assert!(code.matches(&shown.parse().unwrap()));
            prop_assert!(code.matches(&shown.to_lowercase().replace('-', "").parse().unwrap()));
        }

        #[test]
        fn claim_code_parser_never_panics(text in any::<String>()) {
            let _ = text.parse::<ClaimCode>();
        }
    }
}
