//! Description of one key of `pichat.toml`.

use crate::config::kind::SettingKind;
use crate::config::values::Config;
use crate::types::texts::Key;

/// One key of `pichat.toml`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Table and key, such as `limits.rooms`; a key outside the tables has no dot.
    pub path: &'static str,
    /// Type of the value.
    pub kind: SettingKind,
    /// Default as TOML.
    pub default: &'static str,
    /// When a new value takes effect.
    pub reload: Reload,
    /// Documentation for the annotated example.
    pub doc: Key,
    /// Returns true if two configurations have the same value.
    pub(super) same: fn(&Config, &Config) -> bool,
}

/// When a new value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// At SIGHUP.
    Live,
    /// At the next start.
    Restart,
}

impl Setting {
    /// Returns the table; empty for a key outside the tables.
    pub fn table(&self) -> &'static str {
        self.path.split_once('.').map_or("", |(table, _)| table)
    }

    /// Returns the key within its table.
    pub fn key(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, key)| key)
    }

    /// Returns the environment variable, such as `PICHAT_LIMITS_ROOMS`.
    pub fn variable(&self) -> String {
        format!("PICHAT_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}
