//! Sealed positions of a list, for clients to send back.

use std::fmt;

use super::crypto::{MacKey, hex, unhex};

/// Seals positions: a client can neither read a position nor forge one.
///
/// A sealed position is the tag of the position, and the position under a mask derived from that tag. The
/// same position gives the same text, so that links are stable (the construction of SIV, RFC 5297, with
/// HMAC-SHA-256 in both places).
pub struct PositionKey {
    tag: MacKey,
    mask: MacKey,
}

impl PositionKey {
    /// Bytes of a sealed position: a tag of 128 bits and 64 masked ones.
    const BYTES: usize = 24;

    /// Derives the key from the server's key.
    pub fn derived(key: &MacKey) -> Self {
        Self { tag: key.derived("position tag"), mask: key.derived("position mask") }
    }

    /// Returns a position as text: 48 hexadecimal digits.
    pub fn seal(&self, position: i64) -> String {
        let tag = self.tag.tag(&position.to_be_bytes());
        let mut sealed = [0; Self::BYTES];
        let (head, tail) = sealed.split_at_mut(tag.len());
        head.copy_from_slice(&tag);
        tail.copy_from_slice(&(position ^ self.masked(&tag)).to_be_bytes());
        hex(&sealed)
    }

    /// Opens a text of [`Self::seal`]; otherwise `None`.
    pub fn open(&self, text: &str) -> Option<i64> {
        let sealed: [u8; Self::BYTES] = unhex(text)?;
        let (tag, rest) = sealed.split_first_chunk::<16>()?;
        let position = i64::from_be_bytes(rest.try_into().ok()?) ^ self.masked(tag);
        (self.tag.tag(&position.to_be_bytes()) == *tag).then_some(position)
    }

    fn masked(&self, tag: &[u8; 16]) -> i64 {
        // Half of the mask's 128 bits.
        (i128::from_be_bytes(self.mask.tag(tag)) >> 64) as i64
    }
}

impl fmt::Debug for PositionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PositionKey(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> PositionKey {
        PositionKey::derived(&MacKey::new(&[byte; 32]).unwrap())
    }

    #[test]
    fn sealed_position_opens_and_reveals_nothing() {
        let (key, other) = (key(7), key(8));
        let sealed = [1, 2].map(|position| key.seal(position));
        assert_eq!(sealed[0].len(), 48);
        let alike = sealed[0].bytes().zip(sealed[1].bytes()).filter(|(a, b)| a == b).count();
        assert!(alike < 24, "neighbours have nothing in common: {sealed:?}");
        assert_eq!((key.open(&sealed[0]), other.open(&sealed[0])), (Some(1), None));
        for rubbish in [
            "",
            "1",
            "0",
            &"0".repeat(48),
            &sealed[0][1..],
            &sealed[0].to_uppercase(),
            &format!("{}0", sealed[0]),
        ] {
            assert_eq!(key.open(rubbish), None, "{rubbish}");
        }
    }

    proptest! {
        #[test]
        fn changed_position_is_rejected(position: i64, at in 0..48_usize, digit in 0..16_u32) {
            let key = key(1);
            let sealed = key.seal(position);
            prop_assert_eq!(key.open(&sealed), Some(position));
            let mut changed: Vec<char> = sealed.chars().collect();
            changed[at] = char::from_digit(digit, 16).unwrap();
            let changed: String = changed.into_iter().collect();
            prop_assert!(changed == sealed || key.open(&changed).is_none());
        }
    }
}
