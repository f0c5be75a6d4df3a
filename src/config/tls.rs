//! `[tls]`: whether PiChat speaks HTTPS itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::origin::Origin;
use super::{ConfigError, Problem};
use crate::types::Text;

/// `[tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP. The default.
    #[default]
    Off,
    /// HTTPS with a certificate that somebody made.
    Files {
        /// Certificate and its chain, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

impl Tls {
    /// The word of `mode`.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Files { .. } => "files",
        }
    }

    pub(super) fn certificate(&self) -> Option<&Path> {
        match self {
            Self::Off => None,
            Self::Files { certificate, .. } => Some(certificate),
        }
    }

    pub(super) fn key(&self) -> Option<&Path> {
        match self {
            Self::Off => None,
            Self::Files { key, .. } => Some(key),
        }
    }
}

/// `[tls]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    mode: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
}

const MODE: Text = Text::new("\"off\" o \"files\"", "\"off\" or \"files\"");
const PATH: Text = Text::new(
    "una ruta: con mode = \"files\" hacen falta certificate y key",
    "a path: mode = \"files\" needs certificate and key",
);

impl RawTls {
    /// Relative paths are below `data_dir`.
    pub(super) fn check(&self, origin: &Origin<'_>, data_dir: &Path) -> Result<Tls, ConfigError> {
        let Some(mode) = &self.mode else {
            return Ok(Tls::Off);
        };
        let path = |key, given: &Option<Spanned<String>>| match given {
            Some(path) if !path.get_ref().is_empty() => Ok(data_dir.join(path.get_ref())),
            Some(path) => Err(origin.error(key, &path.span(), Problem::Missing(PATH))),
            // There is nothing to point at but the mode that asks for it.
            None => {
                Err(ConfigError::Value { place: origin.place("tls.mode", &mode.span()), key, problem: Problem::Missing(PATH) })
            }
        };
        match mode.get_ref().as_str() {
            "off" => Ok(Tls::Off),
            "files" => {
                Ok(Tls::Files { certificate: path("tls.certificate", &self.certificate)?, key: path("tls.key", &self.key)? })
            }
            "local-ca" => {
                let problem = Problem::NotYet { value: "local-ca" };
                Err(origin.error("tls.mode", &mode.span(), problem))
            }
            other => Err(origin.error("tls.mode", &mode.span(), Problem::form(other, MODE))),
        }
    }
}
