//! Why there is no configuration.

use std::io;
use std::path::PathBuf;

use super::{MAX_FILE_BYTES, Place, Problem};
use crate::types::Lang;

/// What is wrong, where, and what is allowed. `Display` is [`ConfigError::text`] in English.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text(Lang::En))]
pub enum ConfigError {
    /// The named file does not exist or cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is over [`MAX_FILE_BYTES`].
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8.
    NotUtf8 {
        /// The first wrong byte.
        place: Place,
    },
    /// The text is no TOML.
    Syntax {
        /// Where the parser stopped.
        place: Place,
        /// What the parser says, in its English.
        message: String,
    },
    /// No setting has this name.
    UnknownKey {
        /// The key.
        place: Place,
        /// Its path, such as `limits.romms`.
        key: String,
        /// The setting that was probably meant.
        nearest: Option<String>,
        /// The names there are in that table.
        allowed: String,
    },
    /// A `PICHAT_*` variable that no setting has.
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// A setting's value is wrong.
    Value {
        /// The value.
        place: Place,
        /// The setting, such as `limits.rooms`, or the variable's name.
        key: &'static str,
        /// Fault of that file.
        problem: Problem,
    },
}

impl ConfigError {
    /// One line for a person, in `lang`.
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::Es => self.es(),
            Lang::En => self.en(),
        }
    }

    /// One line in Spanish.
    pub fn es(&self) -> String {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("{}: no existe ese archivo de configuración", path.display())
            }
            Self::Unreadable { path, source } => {
                format!("{}: no se puede leer: {source}", path.display())
            }
            Self::TooLarge { path } => {
                let kib = MAX_FILE_BYTES / 1024;
                format!("{}: pasa de {kib} KiB; eso no es una configuración", path.display())
            }
            Self::NotUtf8 { place } => {
                let place = place.text(Lang::Es);
                format!("{place}: no es UTF-8; guarda el archivo con esa codificación")
            }
            Self::Syntax { place, message } => {
                format!("{}: no es TOML válido: {message}", place.text(Lang::Es))
            }
            Self::UnknownKey { place, key, nearest, allowed } => {
                let hint = hint(nearest.as_deref(), "¿quisiste decir", "?");
                format!("{}: clave desconocida {key};{hint} hay: {allowed}", place.text(Lang::Es))
            }
            Self::UnknownVariable { name, nearest } => {
                let hint = hint(nearest.as_deref(), "¿quisiste decir", "?");
                format!("variable de entorno desconocida {name};{hint} hay una PICHAT_TABLA_CLAVE por cada clave de pichat.toml")
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
            Self::TooLarge { path } => {
                let kib = MAX_FILE_BYTES / 1024;
                format!("{}: over {kib} KiB; that is no configuration", path.display())
            }
            Self::NotUtf8 { place } => {
                format!("{}: not UTF-8; save the file in that encoding", place.text(Lang::En))
            }
            Self::Syntax { place, message } => {
                format!("{}: not valid TOML: {message}", place.text(Lang::En))
            }
            Self::UnknownKey { place, key, nearest, allowed } => {
                let hint = hint(nearest.as_deref(), "did you mean", "?");
                format!("{}: unknown key {key};{hint} there are: {allowed}", place.text(Lang::En))
            }
            Self::UnknownVariable { name, nearest } => {
                let hint = hint(nearest.as_deref(), "did you mean", "?");
                format!("unknown environment variable {name};{hint} there is one PICHAT_TABLE_KEY for each key of pichat.toml")
            }
            Self::Value { place, key, problem } => {
                format!("{}: {}", located(place, key, Lang::En), problem.text(Lang::En))
            }
        }
    }
}

fn hint(nearest: Option<&str>, before: &str, after: &str) -> String {
    nearest.map(|name| format!(" {before} {name}{after}")).unwrap_or_default()
}

/// Where a value stands and what it is; a variable that is its own key is named once.
fn located(place: &Place, key: &str, lang: Lang) -> String {
    match place {
        Place::Variable(name) if name == key => place.text(lang),
        _ => format!("{}: {key}", place.text(lang)),
    }
}
