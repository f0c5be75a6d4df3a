//! Generated temporary password, which its owner must replace.

use std::fmt;

use super::grouped_code::GroupedCode;

/// One-time password: three groups of four characters of Crockford's base32, 60 bits, easy to read out over a
/// telephone.
#[derive(Clone)]
pub struct OneTimePassword(GroupedCode<{ Self::CHARS }>);

impl OneTimePassword {
    /// Number of characters, without the hyphens between groups.
    pub const CHARS: usize = 12;

    /// Returns a new password from the operating system's randomness.
    pub fn random() -> Self {
        Self(GroupedCode::random())
    }

    /// Parses lenient input: any case, hyphens and blanks anywhere, O for 0, I and L for 1.
    pub fn parse_lenient(text: &str) -> Option<Self> {
        GroupedCode::parse_lenient(text).map(Self)
    }
}

/// Shown as `XXXX-XXXX-XXXX`.
impl fmt::Display for OneTimePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Omits the password.
impl fmt::Debug for OneTimePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimePassword(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_time_password_has_sixty_bits_and_differs() {
        let all: std::collections::HashSet<_> =
            (0..200).map(|_| OneTimePassword::random().to_string()).collect();
        assert_eq!(all.len(), 200);
        assert!(
            all.iter().all(|text| text.len() == 14 && text.split('-').all(|group| group.len() == 4)),
            "{all:?}"
        );
        assert_eq!(format!("{:?}", OneTimePassword::random()), "OneTimePassword(…)");
    }

    proptest! {
        #[test]
        fn displayed_password_parses_from_lenient_input(bytes in any::<[u8; 12]>()) {
            let shown = OneTimePassword(GroupedCode::of(bytes)).to_string();
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " ").replace('0', "o")] {
                prop_assert_eq!(OneTimePassword::parse_lenient(&typed).map(|p| p.to_string()), Some(shown.clone()));
            }
        }
    }
}
