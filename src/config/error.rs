//! Errors of reading the configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::config::problem::SettingProblem;
use crate::config::span::Span;
use crate::types::Lang;
use crate::types::texts::key;

/// Error of the configuration, with its place and the allowed values. `Display` is [`ConfigError::text`] in
/// English.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text(Lang::En))]
pub enum ConfigError {
    /// The named file does not exist or cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The file is larger than [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Maximum bytes.
        max_bytes: u64,
    },
    /// The file is not UTF-8.
    NotUtf8 {
        /// First byte that is not valid.
        place: Span,
    },
    /// The text is not TOML.
    Syntax {
        /// Position at which the parser stopped.
        place: Span,
        /// Message of the parser, in English.
        message: String,
    },
    /// No setting has this name.
    UnknownKey {
        /// Position of the key.
        place: Span,
        /// Path of the key, such as `limits.romms`.
        key: String,
        /// Nearest setting, if one is near enough to be a typing error.
        nearest: Option<String>,
        /// Keys that exist in that table.
        allowed: String,
    },
    /// No setting has this `PICHAT_*` variable.
    UnknownVariable {
        /// Name of the variable.
        name: String,
        /// Nearest variable, if one is near enough to be a typing error.
        nearest: Option<String>,
    },
    /// A setting's value is wrong.
    Value {
        /// Position of the value.
        place: Span,
        /// Path of the setting, such as `limits.rooms`, or name of the variable.
        key: &'static str,
        /// Fault of the value.
        problem: SettingProblem,
    },
}

impl ConfigError {
    /// Returns the error in one line, in `lang`.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => {
                key::CONFIG_ERROR_MISSING.fill(lang, &[("path", &path.display())])
            }
            Self::Unreadable { path, source } => {
                key::CONFIG_ERROR_UNREADABLE.fill(lang, &[("path", &path.display()), ("cause", source)])
            }
            Self::TooLarge { path, max_bytes } => key::CONFIG_ERROR_TOO_LARGE
                .fill(lang, &[("path", &path.display()), ("kib", &(max_bytes / 1024))]),
            Self::NotUtf8 { place } => key::CONFIG_ERROR_NOT_UTF8.fill(lang, &[("place", &place.text(lang))]),
            Self::Syntax { place, message } => {
                key::CONFIG_ERROR_SYNTAX.fill(lang, &[("place", &place.text(lang)), ("message", message)])
            }
            Self::UnknownKey { place, key, nearest, allowed } => {
                let hint = hint(nearest.as_deref(), lang)
                    .unwrap_or_else(|| key::CONFIG_ERROR_KEYS.fill(lang, &[("allowed", allowed)]));
                let values: [(_, &dyn fmt::Display); 3] =
                    [("place", &place.text(lang)), ("key", key), ("hint", &hint)];
                key::CONFIG_ERROR_UNKNOWN_KEY.fill(lang, &values)
            }
            Self::UnknownVariable { name, nearest } => {
                let hint = hint(nearest.as_deref(), lang)
                    .unwrap_or_else(|| key::CONFIG_ERROR_VARIABLES.get(lang).to_owned());
                key::CONFIG_ERROR_UNKNOWN_VARIABLE.fill(lang, &[("name", name), ("hint", &hint)])
            }
            Self::Value { place, key, problem } => {
                format!("{}: {}", located(place, key, lang), problem.text(lang))
            }
        }
    }
}

/// Returns the question about the nearest name, if there is one.
fn hint(nearest: Option<&str>, lang: Lang) -> Option<String> {
    nearest.map(|name| key::CONFIG_ERROR_HINT.fill(lang, &[("name", &name)]))
}

/// Returns position and key; a variable that is its own key is named once.
fn located(place: &Span, key: &str, lang: Lang) -> String {
    match place {
        Span::Variable(name) if name == key => place.text(lang),
        _ => format!("{}: {key}", place.text(lang)),
    }
}
