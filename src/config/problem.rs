//! Faults of one value, in both languages.

use crate::config::kind::SettingKind;
use crate::config::sections::argon2::Argon2ParamsError;
use crate::types::{Lang, Localized};

/// Maximum characters of a bad value that an error repeats.
const SHOWN_CHARS: usize = 60;

/// Fault of a value, and the allowed values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingProblem {
    /// The value has another type, such as a text instead of a number.
    WrongType(SettingKind),
    /// The number is below the minimum or over the compiled ceiling.
    OutOfRange {
        /// Value as it was given.
        value: String,
        /// Minimum.
        low: u64,
        /// Ceiling.
        high: u64,
    },
    /// The text does not have the required form.
    Form {
        /// Value as it was given, shortened, control characters escaped.
        value: String,
        /// Allowed form.
        wanted: Localized,
    },
    /// The value is missing, and another setting requires it.
    Missing(Localized),
    /// The list is too long.
    TooMany {
        /// Maximum entries.
        max: usize,
    },
    /// The Argon2 parameters cannot be parsed, or are too weak or too strong.
    Argon2(Argon2ParamsError),
    /// The value cannot be used, for this cause.
    Unusable(String),
    /// A secret does not have the required form; the text does not repeat it.
    Secret {
        /// Allowed form.
        wanted: Localized,
    },
    /// A secret is too short; the text does not repeat it.
    ShortSecret {
        /// Bytes given.
        bytes: usize,
        /// Minimum bytes.
        least: usize,
    },
}

impl SettingProblem {
    /// Returns a [`Problem::Form`] that repeats at most one line of `value`.
    pub fn form(value: &str, wanted: Localized) -> Self {
        let mut shown: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self::Form { value: shown, wanted }
    }

    /// Returns the text in `lang`.
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::Es => self.es(),
            Lang::En => self.en(),
        }
    }

    fn es(&self) -> String {
        match self {
            Self::WrongType(kind) => format!("debe ser {}", kind.title().es),
            Self::OutOfRange { value, low, high } if under(value, *low) => {
                format!("{value} está por debajo del mínimo de {low} (se permite de {low} a {high})")
            }
            Self::OutOfRange { value, low, high } => {
                format!("{value} supera el máximo de {high} (se permite de {low} a {high})")
            }
            Self::Form { value, wanted } => format!("«{value}» no es válido; escribe {}", wanted.es),
            Self::Missing(wanted) => format!("falta {}", wanted.es),
            Self::TooMany { max } => {
                format!("la lista tiene más de {max} elementos; se permiten {max}")
            }
            Self::Argon2(error) => error.text(Lang::Es),
            Self::Unusable(cause) => format!("no se puede usar: {cause}"),
            Self::Secret { wanted } => format!("no es válido; escribe {}", wanted.es),
            Self::ShortSecret { bytes, least } => {
                format!("tiene {bytes} bytes; se necesitan al menos {least}, al azar")
            }
        }
    }

    fn en(&self) -> String {
        match self {
            Self::WrongType(kind) => format!("must be {}", kind.title().en),
            Self::OutOfRange { value, low, high } if under(value, *low) => {
                format!("{value} is below the minimum of {low} (allowed: {low} to {high})")
            }
            Self::OutOfRange { value, low, high } => {
                format!("{value} is over the maximum of {high} (allowed: {low} to {high})")
            }
            Self::Form { value, wanted } => {
                format!("\"{value}\" is not valid; use {}", wanted.en)
            }
            Self::Missing(wanted) => format!("missing: {}", wanted.en),
            Self::TooMany { max } => {
                format!("the list has more than {max} entries; {max} are allowed")
            }
            Self::Argon2(error) => error.text(Lang::En),
            Self::Unusable(cause) => format!("cannot be used: {cause}"),
            Self::Secret { wanted } => format!("not valid; use {}", wanted.en),
            Self::ShortSecret { bytes, least } => {
                format!("it has {bytes} bytes; at least {least} random ones are needed")
            }
        }
    }
}

/// Returns true if a number that is out of range is below the minimum.
fn under(value: &str, low: u64) -> bool {
    value.parse::<i128>().is_ok_and(|value| value < i128::from(low))
}
