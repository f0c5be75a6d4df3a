//! Secrets: never in a file and never in a log.

use std::fmt;

use zeroize::Zeroizing;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::span::Span;
use crate::types::crypto::MacKey;

/// Secrets of the environment, wiped on drop.
#[derive(Clone, Default)]
pub struct Secrets {
    /// `SECRET_KEY`: keys the HMACs of tokens that leave the server; at least [`MacKey::MIN_BYTES`] bytes.
    pub secret_key: Option<Zeroizing<String>>,
    /// `ADMIN_PASS`: the first administrator's password.
    pub admin_pass: Option<Zeroizing<String>>,
}

impl Secrets {
    /// Checks the values of the variables.
    pub(in crate::config) fn check(
        secret_key: Option<&str>,
        admin_pass: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let bytes = secret_key.map_or(MacKey::MIN_BYTES, str::len);
        if bytes < MacKey::MIN_BYTES {
            return Err(ConfigError::Value {
                place: Span::Variable("SECRET_KEY".into()),
                key: "SECRET_KEY",
                problem: SettingProblem::ShortSecret { bytes, least: MacKey::MIN_BYTES },
            });
        }
        let keep = |secret: &str| Zeroizing::new(secret.to_owned());
        Ok(Self { secret_key: secret_key.map(keep), admin_pass: admin_pass.map(keep) })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secret: &Option<_>| if secret.is_some() { "set" } else { "unset" };
        f.debug_struct("Secrets")
            .field("secret_key", &shown(&self.secret_key))
            .field("admin_pass", &shown(&self.admin_pass))
            .finish()
    }
}
