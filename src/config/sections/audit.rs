//! `[audit]`: target and threshold of the audit log.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};

/// Settings of `[audit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Destination of the events.
    pub syslog: SyslogTarget,
    /// Least severity that is written.
    pub level: Level,
}

/// Destination of the audit events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogTarget {
    /// Syslog socket with this absolute path.
    Socket(PathBuf),
    /// Standard error, in the same format.
    Stderr,
}

/// Severity threshold; a more severe level is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All events.
    Debug,
    /// Informational events and above. The default.
    Info,
    /// Warnings and errors.
    Warning,
}

impl Level {
    /// Returns the value as written in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warning].into_iter().find(|level| level.as_str() == word)
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { syslog: SyslogTarget::Socket("/dev/log".into()), level: Level::Info }
    }
}

/// `[audit]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawAudit {
    syslog: Option<Spanned<String>>,
    level: Option<Spanned<String>>,
}

const SYSLOG: Key = key::CONFIG_ALLOWED_AUDIT_SYSLOG;
/// Allowed values of `level`.
pub(in crate::config) const LEVEL: Key = key::CONFIG_ALLOWED_AUDIT_LEVEL;

impl RawAudit {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<AuditSettings, ConfigError> {
        let AuditSettings { syslog, level } = AuditSettings::default();
        let target = |word: &str| match word {
            "stderr" => Some(SyslogTarget::Stderr),
            path => Path::new(path).is_absolute().then(|| SyslogTarget::Socket(path.into())),
        };
        Ok(AuditSettings {
            syslog: origin.parsed("audit.syslog", self.syslog.as_ref(), syslog, SYSLOG, target)?,
            level: origin.parsed("audit.level", self.level.as_ref(), level, LEVEL, Level::parse)?,
        })
    }
}
