//! Type of a setting.

use crate::types::Localized;

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
    pub const fn title(self) -> Localized {
        match self {
            Self::Number => Localized::new("un número entero, sin comillas", "a whole number without quotes"),
            Self::Text => Localized::new("un texto entre comillas", "a text in quotes"),
            Self::List => Localized::new(
                "una lista de textos: [\"uno\", \"dos\"]",
                "a list of texts: [\"one\", \"two\"]",
            ),
            Self::Table => Localized::new("una tabla: [nombre]", "a table: [name]"),
        }
    }
}
