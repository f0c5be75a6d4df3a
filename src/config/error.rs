//! Errors of reading the configuration.

use std::io;
use std::path::PathBuf;

use crate::config::problem::SettingProblem;
use crate::config::span::Span;
use crate::types::{Lang, Localized};

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
        match lang {
            Lang::Es => self.es(),
            Lang::En => self.en(),
        }
    }

    /// Returns the error in one line, in Spanish.
    pub fn es(&self) -> String {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("{}: no existe ese archivo de configuración", path.display())
            }
            Self::Unreadable { path, source } => {
                format!("{}: no se puede leer: {source}", path.display())
            }
            Self::TooLarge { path, max_bytes } => {
                let kib = max_bytes / 1024;
                format!("{}: el archivo pesa más de {kib} KiB", path.display())
            }
            Self::NotUtf8 { place } => {
                let place = place.text(Lang::Es);
                format!("{place}: no es UTF-8; guarda el archivo con esa codificación")
            }
            Self::Syntax { place, message } => {
                format!("{}: no es TOML válido: {message}", place.text(Lang::Es))
            }
            Self::UnknownKey { place, key, nearest, allowed } => {
                let hint = hint(nearest.as_deref(), Lang::Es).unwrap_or_else(|| format!("hay: {allowed}"));
                format!("{}: la opción {key} no existe; {hint}", place.text(Lang::Es))
            }
            Self::UnknownVariable { name, nearest } => {
                let all = "cada opción de pichat.toml tiene su variable PICHAT_TABLA_OPCION";
                let hint = hint(nearest.as_deref(), Lang::Es).unwrap_or_else(|| all.to_owned());
                format!("ninguna opción tiene la variable de entorno {name}; {hint}")
            }
            Self::Value { place, key, problem } => {
                format!("{}: {}", located(place, key, Lang::Es), problem.text(Lang::Es))
            }
        }
    }

    fn en(&self) -> String {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("{}: there is no such configuration file", path.display())
            }
            Self::Unreadable { path, source } => {
                format!("{}: cannot be read: {source}", path.display())
            }
            Self::TooLarge { path, max_bytes } => {
                let kib = max_bytes / 1024;
                format!("{}: file is larger than {kib} KiB", path.display())
            }
            Self::NotUtf8 { place } => {
                format!("{}: not UTF-8; save the file in that encoding", place.text(Lang::En))
            }
            Self::Syntax { place, message } => {
                format!("{}: not valid TOML: {message}", place.text(Lang::En))
            }
            Self::UnknownKey { place, key, nearest, allowed } => {
                let hint =
                    hint(nearest.as_deref(), Lang::En).unwrap_or_else(|| format!("there are: {allowed}"));
                format!("{}: there is no setting {key}; {hint}", place.text(Lang::En))
            }
            Self::UnknownVariable { name, nearest } => {
                let all = "each setting of pichat.toml has its variable PICHAT_TABLE_KEY";
                let hint = hint(nearest.as_deref(), Lang::En).unwrap_or_else(|| all.to_owned());
                format!("no setting has the environment variable {name}; {hint}")
            }
            Self::Value { place, key, problem } => {
                format!("{}: {}", located(place, key, Lang::En), problem.text(Lang::En))
            }
        }
    }
}

/// Returns the question about the nearest name, if there is one.
fn hint(nearest: Option<&str>, lang: Lang) -> Option<String> {
    let question = Localized::new("¿quisiste decir", "did you mean").get(lang);
    nearest.map(|name| format!("{question} {name}?"))
}

/// Returns position and key; a variable that is its own key is named once.
fn located(place: &Span, key: &str, lang: Lang) -> String {
    match place {
        Span::Variable(name) if name == key => place.text(lang),
        _ => format!("{}: {key}", place.text(lang)),
    }
}
