//! Randomness, SHA-256, HMAC and the key of a WPA passphrase: the only module that calls ring's primitives.

use std::fmt;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use ring::rand::SecureRandom as _;
use ring::{aead, digest, hmac, pbkdf2, rand};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// Fills an array from the operating system's generator.
///
/// # Panics
///
/// Panics if the operating system gives no randomness: without it no secret can be made.
#[allow(clippy::expect_used, reason = "a server without randomness must not run")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::SystemRandom::new().fill(&mut bytes).expect("the operating system gives no randomness");
    bytes
}

/// Encodes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Decodes exactly `N` bytes of lower-case hexadecimal; otherwise `None`.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode_len(text.len()).ok().filter(|bytes| *bytes == N)?;
    let mut bytes = [0; N];
    HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

/// Derives the key of a WPA passphrase and a network's name: PBKDF2 with HMAC-SHA-1, 4096 rounds (IEEE
/// 802.11-2020 section J.4.1), as every access point computes it.
pub fn wpa_key(passphrase: &str, ssid: &[u8]) -> Zeroizing<[u8; 32]> {
    const ROUNDS: std::num::NonZeroU32 = std::num::NonZeroU32::new(4096).unwrap();
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, ssid, passphrase.as_bytes(), &mut *key);
    key
}

/// Measures the processor time to encrypt a record of `len` bytes as TLS does, with the slower of the two
/// usual ciphers. The slower one depends on the processor's instructions for AES. Mean of a thousand.
pub fn bench_tls_record(len: usize) -> Duration {
    const ROUNDS: u32 = 1000;
    let time = |algorithm: &'static aead::Algorithm| {
        let Ok(key) = aead::UnboundKey::new(algorithm, &vec![7; algorithm.key_len()]) else {
            return Duration::ZERO;
        };
        let key = aead::LessSafeKey::new(key);
        let start = Instant::now();
        for round in 0..ROUNDS {
            let mut nonce = [0; aead::NONCE_LEN];
            nonce[..4].copy_from_slice(&round.to_be_bytes());
            let mut record = vec![0; len];
            // Records of this size are never refused.
            let _ = key.seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::empty(),
                &mut record,
            );
        }
        start.elapsed() / ROUNDS
    };
    time(&aead::AES_256_GCM).max(time(&aead::CHACHA20_POLY1305))
}

/// SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Returns the digest of `data`.
    pub fn of(data: &[u8]) -> Self {
        let mut hasher = Sha256Hasher::default();
        hasher.update(data);
        hasher.finish()
    }

    /// Formats for comparison by people: two lines of eight groups of four digits.
    pub fn groups(&self) -> [String; 2] {
        let text = hex(&self.0).to_uppercase();
        let line = |half: &str| {
            half.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join(" ")
        };
        let (first, second) = text.split_at(32);
        [line(first), line(second)]
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Incremental SHA-256.
pub struct Sha256Hasher(digest::Context);

impl Default for Sha256Hasher {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sha256Hasher {
    /// Adds the next piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the digest of all pieces.
    pub fn finish(self) -> Sha256 {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        Sha256(out)
    }
}

/// Server's key for tokens that leave it and come back: HMAC-SHA-256.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Minimum bytes of a key: the output length of SHA-256 (RFC 2104 section 3).
    pub const MIN_BYTES: usize = 32;

    /// Takes the key; `None` if it is under 32 bytes.
    pub fn new(key: &[u8]) -> Option<Self> {
        (key.len() >= Self::MIN_BYTES).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// Derives a key for one purpose, which reveals nothing about this one.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0, purpose.as_bytes()).as_ref()))
    }

    /// Returns the first 16 bytes of the tag: 128 bits, the truncation that RFC 2104 section 5 allows.
    pub fn tag(&self, data: &[u8]) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&hmac::sign(&self.0, data).as_ref()[..16]);
        out
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

/// Token of a session: 256 random bits, known to the browser alone.
pub type Token = SecretToken<32>;

/// Token of an invitation: 128 random bits, known to those who have the link.
pub type InvitationToken = SecretToken<16>;

/// `N` random bytes that open something; the server keeps only their digest. Wiped on drop.
pub struct SecretToken<const N: usize>([u8; N]);

impl<const N: usize> SecretToken<N> {
    /// Returns a new token.
    pub fn random() -> Self {
        Self(random())
    }

    /// Parses the text of a cookie or a link.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Returns the text of the cookie or link: two hexadecimal digits a byte.
    pub fn reveal(&self) -> String {
        hex(&self.0)
    }

    /// Returns true if this is the token's digest, in constant time.
    pub fn has_digest(&self, digest: &Sha256) -> bool {
        self.digest().0.ct_eq(&digest.0).into()
    }

    /// Returns the digest, which the server keeps.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.0)
    }
}

impl<const N: usize> Drop for SecretToken<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for SecretToken<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sha256_matches_the_fips_example() {
        // FIPS 180-4, example "abc".
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), want);
        let mut pieces = Sha256Hasher::default();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish().to_string(), want);
    }

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

    #[test]
    fn wpa_keys_match_the_ieee_examples() {
        // IEEE 802.11-2020, section J.4.2.
        for (passphrase, ssid, want) in [
            ("password", "IEEE", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
            (
                "ThisIsAPassword",
                "ThisIsASSID",
                "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
            ),
        ] {
            assert_eq!(hex(&*wpa_key(passphrase, ssid.as_bytes())), want);
        }
    }

    #[test]
    fn short_mac_key_is_rejected() {
        assert!(MacKey::new(&[7; 31]).is_none());
        assert!(MacKey::new(&[7; 32]).is_some());
    }

    proptest! {
        #[test]
        fn hex_round_trips(bytes: [u8; 9]) {
            prop_assert_eq!(unhex::<9>(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn unhex_rejects_other_texts(text in ".{0,40}") {
            if let Some(bytes) = unhex::<9>(&text) {
                prop_assert_eq!(hex(&bytes), text);
            }
        }
    }
}
