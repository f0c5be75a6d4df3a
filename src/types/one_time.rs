//! Generated temporary password, which its owner must replace.

use std::fmt;

use zeroize::Zeroize as _;

use super::crockford;

/// One-time password: three groups of four characters of Crockford's base32, 60 bits, easy to read out over a
/// telephone.
#[derive(Clone)]
pub struct OneTimePassword([u8; Self::CHARS]);

impl OneTimePassword {
    /// Number of characters, without the hyphens between groups.
    pub const CHARS: usize = 12;

    /// Returns a new password from the operating system's randomness.
    pub fn random() -> Self {
        Self(crockford::draw())
    }

    /// Parses lenient input: any case, hyphens and blanks anywhere, O for 0, I and L for 1.
    pub fn typed(text: &str) -> Option<Self> {
        crockford::read(text).map(Self)
    }
}

/// Shown as `XXXX-XXXX-XXXX`.
impl fmt::Display for OneTimePassword {
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

/// Omits the password.
impl fmt::Debug for OneTimePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimePassword(…)")
    }
}

impl Drop for OneTimePassword {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_time_password_has_sixty_bits_and_differs() {
        let all: std::collections::HashSet<_> = (0..200).map(|_| OneTimePassword::random().to_string()).collect();
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|text| text.len() == 14 && text.split('-').all(|group| group.len() == 4)), "{all:?}");
        assert_eq!(format!("{:?}", OneTimePassword::random()), "OneTimePassword(…)");
    }

    proptest! {
        #[test]
        fn displayed_password_parses_from_lenient_input(bytes in any::<[u8; 12]>()) {
            let shown = OneTimePassword(crockford::spell(bytes)).to_string();
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " ").replace('0', "o")] {
                prop_assert_eq!(OneTimePassword::typed(&typed).map(|p| p.to_string()), Some(shown.clone()));
            }
        }
    }
}
