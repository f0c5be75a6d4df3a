//! One-time codes that people read off a screen and type: digits of Crockford's base32 in groups.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::crockford;

/// Positions before which a hyphen is shown: `XXXX-XXXX-XXXX…`.
const HYPHENS: [usize; 2] = [4, 8];

/// Secret code of `N` digits, 5 bits each. Wiped on drop.
#[derive(Clone)]
pub(super) struct GroupedCode<const N: usize>([u8; N]);

impl<const N: usize> GroupedCode<N> {
    /// Returns a new code from the operating system's randomness.
    pub(super) fn random() -> Self {
        Self(crockford::random_digits())
    }

    /// Parses lenient input: any case, hyphens and blanks anywhere, O for 0, I and L for 1.
    pub(super) fn parse_lenient(text: &str) -> Option<Self> {
        crockford::decode(text).map(Self)
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Returns the code of any bytes.
    #[cfg(test)]
    pub(super) fn of(bytes: [u8; N]) -> Self {
        Self(crockford::encode(bytes))
    }
}

impl<const N: usize> fmt::Display for GroupedCode<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if HYPHENS.contains(&i) {
                f.write_str("-")?;
            }
            fmt::Write::write_char(f, char::from(*byte))?;
        }
        Ok(())
    }
}

impl<const N: usize> Drop for GroupedCode<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
