//! `[claim]`: the first account, made from the card instead of in the browser.

use std::fmt;
use std::ops::RangeInclusive;

use data_encoding::BASE64_NOPAD;
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::sections::argon2::{Argon2Params, Argon2ParamsError};
use crate::config::source::setting_source::SettingSource;
use crate::types::UserName;
use crate::types::texts::{Key, key};

/// Settings of `[claim]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSettings {
    /// Name of the first administrator.
    pub admin_name: UserName,
    /// Password hash of that account; `None`: the device is claimed in the browser.
    pub admin_password_hash: Option<PasswordHash>,
}

/// Argon2id PHC string with parameters within floor and ceiling. Wiped on drop; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

/// Error of parsing a [`PasswordHash`].
#[derive(Debug, PartialEq, Eq)]
enum NoHash {
    /// The text does not have the form.
    Form,
    /// The parameters are too weak or too strong.
    Params(Argon2ParamsError),
}

/// Bytes of salt: the minimum of Argon2 (RFC 9106 section 3.1), and four times the usual length.
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
/// Bytes of hash: 128 bits (RFC 9106 section 4 for little memory), and twice the usual length.
const HASH_BYTES: RangeInclusive<usize> = 16..=64;

impl PasswordHash {
    /// Returns `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, NoHash> {
        let rest = text.strip_prefix("$argon2id$v=19$").ok_or(NoHash::Form)?;
        let mut parts = rest.split('$');
        let mut part = || parts.next().ok_or(NoHash::Form);
        let (written, salt, hash) = (part()?, part()?, part()?);
        let params: Argon2Params = written.parse().map_err(|error| match error {
            Argon2ParamsError::Form => NoHash::Form,
            other => NoHash::Params(other),
        })?;
        // The setting accepts blanks and signs; the verifier of the hash does not.
        let exact = written == params.to_string() && parts.next().is_none();
        let within =
            |text, bytes: RangeInclusive<usize>| base64_bytes(text).is_some_and(|n| bytes.contains(&n));
        let good = exact && within(salt, SALT_BYTES) && within(hash, HASH_BYTES);
        good.then(|| Self(Zeroizing::new(text.to_owned()))).ok_or(NoHash::Form)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Returns the number of bytes that a text in base64 without padding stands for (RFC 4648 section 4). Unused
/// bits must be zero.
fn base64_bytes(text: &str) -> Option<usize> {
    BASE64_NOPAD.decode(text.as_bytes()).ok().map(|bytes| Zeroizing::new(bytes).len())
}

/// `[claim]` before its values are checked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawClaim {
    admin_name: Option<Spanned<String>>,
    admin_password_hash: Option<Spanned<Zeroizing<String>>>,
}

const NAME: Key = key::CONFIG_ALLOWED_CLAIM_NAME;
const HASH: Key = key::CONFIG_ALLOWED_CLAIM_HASH;

impl Default for ClaimSettings {
    fn default() -> Self {
        Self { admin_name: UserName::admin(), admin_password_hash: None }
    }
}

impl RawClaim {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<ClaimSettings, ConfigError> {
        let name = |text: &str| text.parse().ok();
        let admin_name =
            origin.parsed("claim.admin_name", self.admin_name.as_ref(), UserName::admin(), NAME, name)?;
        let hash = |given: &Spanned<Zeroizing<String>>| {
            PasswordHash::parse(given.get_ref()).map_err(|error| {
                let problem = match error {
                    NoHash::Form => SettingProblem::Secret { wanted: HASH },
                    NoHash::Params(error) => SettingProblem::Argon2(error),
                };
                origin.error("claim.admin_password_hash", &given.span(), problem)
            })
        };
        let given = self.admin_password_hash.as_ref().filter(|given| !given.get_ref().is_empty());
        Ok(ClaimSettings { admin_name, admin_password_hash: given.map(hash).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0";

    #[test]
    fn only_verifiable_hashes_are_accepted() {
        assert_eq!(PasswordHash::parse(GOOD).expect("good").as_str(), GOOD);
        let replaced = |from: &str, to: &str| PasswordHash::parse(&GOOD.replace(from, to));
        let forms = [
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("$v=19", ""),
            ("m=19456,", "m=19456, "),
            ("m=19456", "m=+19456"),
            ("m=19456,t=2", "t=2,m=19456"),
            ("+Q$", "+Q=$"),
            ("+Q$", "+R$"),
            ("+Q$", "+Q$$"),
            ("7Al0", "7Al0$"),
            ("7Al0", "7Al"),
            ("I1UjvnIXZVfBlth5VkMe+Q", "I1UjvnI"),
            ("OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0", "OhT2"),
            ("I1Uj", "I1-_"),
        ];
        for (from, to) in forms {
            assert_eq!(replaced(from, to), Err(NoHash::Form), "{from} → {to}");
        }
        assert_eq!(replaced("m=19456", "m=1024"), Err(NoHash::Params(Argon2ParamsError::TooWeak)));
        assert_eq!(replaced("m=19456", "m=999999"), Err(NoHash::Params(Argon2ParamsError::TooStrong)));
        assert!(!format!("{:?}", PasswordHash::parse(GOOD)).contains("I1Uj"));
    }

    proptest! {
        #[test]
        fn base64_length_matches_the_encoder(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut text = String::new();
            for group in bytes.chunks(3) {
                let bits = group.iter().fold(0_u32, |all, b| all << 8 | u32::from(*b)) << (8 * (3 - group.len()));
                for i in 0..=group.len() {
                    text.push(char::from(alphabet[(bits >> (18 - 6 * i)) as usize & 63]));
                }
            }
            prop_assert_eq!(base64_bytes(&text), Some(bytes.len()));
        }
    }
}
