//! `[tls]`: mode and address of HTTPS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};

/// Settings of `[tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Configured address of HTTPS; [`Self::address`] resolves it.
    pub listen: Option<SocketAddr>,
    /// Source of the certificate.
    pub mode: TlsMode,
}

impl TlsSettings {
    /// Returns the address of HTTPS: the configured one, else next to plain HTTP, so that a server on one
    /// address does not open all of them.
    pub fn address(&self, http: SocketAddr) -> SocketAddr {
        let port = match http.port() {
            // The system chooses both ports.
            0 => 0,
            80 => 443,
            8443 => 8444,
            _ => 8443,
        };
        self.listen.unwrap_or(SocketAddr::new(http.ip(), port))
    }
}

/// `mode` of `[tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Plain HTTP.
    Off,
    /// HTTPS with certificates of this device's own authority. The default.
    #[default]
    LocalCa,
    /// HTTPS with certificate files of the operator.
    Files {
        /// Certificate and its chain, PEM.
        certificate: PathBuf,
        /// Private key of the certificate, PEM.
        key: PathBuf,
    },
}

impl TlsMode {
    /// Returns the value of `mode`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::LocalCa => "local-ca",
            Self::Files { .. } => "files",
        }
    }

    pub(in crate::config) fn certificate(&self) -> Option<&Path> {
        match self {
            Self::Off | Self::LocalCa => None,
            Self::Files { certificate, .. } => Some(certificate),
        }
    }

    pub(in crate::config) fn key(&self) -> Option<&Path> {
        match self {
            Self::Off | Self::LocalCa => None,
            Self::Files { key, .. } => Some(key),
        }
    }
}

/// `[tls]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawTls {
    mode: Option<Spanned<String>>,
    listen: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
}

const MODE: Key = key::CONFIG_ALLOWED_TLS_MODE;
const LISTEN: Key = key::CONFIG_ALLOWED_TLS_LISTEN;
const OTHER: Key = key::CONFIG_ALLOWED_TLS_OTHER;
const PATH: Key = key::CONFIG_ALLOWED_TLS_PATH;

impl RawTls {
    /// Checks the values. Relative paths are below `data_dir`; `otherwise` is the mode if none is set.
    pub(in crate::config) fn check(
        &self,
        origin: &SettingSource<'_>,
        data_dir: &Path,
        otherwise: TlsMode,
    ) -> Result<TlsSettings, ConfigError> {
        let listen = self.listen.as_ref().filter(|text| !text.get_ref().is_empty());
        let listen = listen.map(|_| {
            let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
            origin.parsed("tls.listen", listen, nowhere, LISTEN, |s| s.parse().ok())
        });
        Ok(TlsSettings { listen: listen.transpose()?, mode: self.mode(origin, data_dir, otherwise)? })
    }

    /// Checks that both listeners have different addresses; port 0 differs each time.
    pub(in crate::config) fn apart(
        &self,
        origin: &SettingSource<'_>,
        http: SocketAddr,
        tls: &TlsSettings,
    ) -> Result<(), ConfigError> {
        let both = tls.address(http);
        match &self.listen {
            Some(given) if both == http && both.port() != 0 && tls.mode != TlsMode::Off => {
                Err(origin.error("tls.listen", &given.span(), SettingProblem::form(&both.to_string(), OTHER)))
            }
            _ => Ok(()),
        }
    }

    fn mode(
        &self,
        origin: &SettingSource<'_>,
        data_dir: &Path,
        otherwise: TlsMode,
    ) -> Result<TlsMode, ConfigError> {
        let Some(mode) = &self.mode else {
            return Ok(otherwise);
        };
        let path = |key, given: &Option<Spanned<String>>| match given {
            Some(path) if !path.get_ref().is_empty() => Ok(data_dir.join(path.get_ref())),
            Some(path) => Err(origin.error(key, &path.span(), SettingProblem::Missing(PATH))),
            // The error points at the mode, which requires the missing value.
            None => Err(ConfigError::Value {
                place: origin.place("tls.mode", &mode.span()),
                key,
                problem: SettingProblem::Missing(PATH),
            }),
        };
        match mode.get_ref().as_str() {
            "off" => Ok(TlsMode::Off),
            "local-ca" => Ok(TlsMode::LocalCa),
            "files" => Ok(TlsMode::Files {
                certificate: path("tls.certificate", &self.certificate)?,
                key: path("tls.key", &self.key)?,
            }),
            other => Err(origin.error("tls.mode", &mode.span(), SettingProblem::form(other, MODE))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn https_address_defaults_to_that_of_http() {
        let listen = |http: &str| TlsSettings::default().address(http.parse().unwrap()).to_string();
        assert_eq!(listen("0.0.0.0:8080"), "0.0.0.0:8443");
        for (http, https) in [
            ("[::]:80", "[::]:443"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("192.168.1.20:9000", "192.168.1.20:8443"),
            ("[::1]:8443", "[::1]:8444"),
        ] {
            assert_eq!(listen(http), https);
        }
    }
}
