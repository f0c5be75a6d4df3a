//! Type of a setting.

use crate::types::texts::{Key, key};

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Whole number.
    Number,
    /// Quoted text.
    Text,
    /// List of quoted texts.
    List,
    /// Table of further keys.
    Table,
}

impl SettingKind {
    /// Returns the type's description for a person.
    pub const fn title(self) -> Key {
        match self {
            Self::Number => key::CONFIG_KIND_NUMBER,
            Self::Text => key::CONFIG_KIND_TEXT,
            Self::List => key::CONFIG_KIND_LIST,
            Self::Table => key::CONFIG_KIND_TABLE,
        }
    }
}
