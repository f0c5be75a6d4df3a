//! Secret of an invitation to a room.

use std::fmt;

use zeroize::Zeroize as _;

use super::crypto::{Sha256, hex, random, unhex};

/// Token of an invitation: 128 random bits, known to those who have the link; the server keeps only its
/// digest.
pub struct InvitationToken([u8; 16]);

impl InvitationToken {
    /// Returns a new token.
    pub fn random() -> Self {
        Self(random())
    }

    /// Parses the text of a link.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Returns the text for a link: 32 hexadecimal digits.
    pub fn reveal(&self) -> String {
        hex(&self.0)
    }

    /// Returns the digest, which the server keeps.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.0)
    }
}

impl Drop for InvitationToken {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_comes_back_from_its_text_alone() {
        let token = InvitationToken::random();
        let text = token.reveal();
        assert_eq!(InvitationToken::parse(&text).expect("its text").digest(), token.digest());
        assert_ne!(InvitationToken::random().digest(), token.digest());
        assert!(!format!("{token:?}").contains(&text));
        for bad in ["", &text[1..], &text.to_uppercase().replace(char::is_numeric, "A"), &format!("{text}0")]
        {
            assert!(InvitationToken::parse(bad).is_none(), "{bad}");
        }
    }
}
