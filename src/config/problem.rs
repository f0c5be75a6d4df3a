//! What can be wrong with one value, said in both languages.

use super::{Argon2ParamsError, Kind};
use crate::types::{Lang, Text};

/// Most characters of a bad value that an error repeats.
const SHOWN_CHARS: usize = 60;

/// What is wrong with a value, and what is allowed instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A text where a number belongs, and the like.
    WrongType(Kind),
    /// A number below the least or over the compiled ceiling.
    OutOfRange {
        /// As it was given.
        value: String,
        /// The least allowed.
        low: u64,
        /// The ceiling.
        high: u64,
    },
    /// A text that does not have the form it needs.
    Form {
        /// As it was given, shortened, control characters escaped.
        value: String,
        /// What would be understood.
        wanted: Text,
    },
    /// Nothing, where another setting makes this one necessary.
    Missing(Text),
    /// A list that is too long.
    TooMany {
        /// Most entries.
        max: usize,
    },
    /// Password hashing that is not understood, too weak or too strong.
    Argon2(Argon2ParamsError),
    /// Something that cannot be used, and why, in the words of whoever tried.
    Unusable(String),
    /// A secret that does not have the form it needs; it is not repeated.
    Secret {
        /// What would be understood.
        wanted: Text,
    },
    /// A secret under its least length; the secret itself is not repeated.
    ShortSecret {
        /// Bytes given.
        bytes: usize,
        /// Bytes needed.
        least: usize,
    },
}

impl Problem {
    /// A [`Problem::Form`] that repeats no more of `value` than a line holds.
    pub fn form(value: &str, wanted: Text) -> Self {
        let mut shown: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self::Form { value: shown, wanted }
    }

    /// For a person.
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::Es => self.es(),
            Lang::En => self.en(),
        }
    }

    fn es(&self) -> String {
        match self {
            Self::WrongType(kind) => format!("aquí va {}", kind.title().es),
            Self::OutOfRange { value, low, high } if under(value, *low) => {
                format!("{value} está por debajo del mínimo de {low} (se permite de {low} a {high})")
            }
            Self::OutOfRange { value, low, high } => {
                format!("{value} pasa del tope de {high} (se permite de {low} a {high})")
            }
            Self::Form { value, wanted } => format!("«{value}» no sirve; se permite {}", wanted.es),
            Self::Missing(wanted) => format!("falta {}", wanted.es),
            Self::TooMany { max } => {
                format!("la lista tiene más de {max} elementos; se permiten {max}")
            }
            Self::Argon2(error) => error.text(Lang::Es),
            Self::Unusable(cause) => format!("no se puede usar: {cause}"),
            Self::Secret { wanted } => format!("no sirve; se permite {}", wanted.es),
            Self::ShortSecret { bytes, least } => {
                format!("tiene {bytes} bytes; se necesitan al menos {least}, al azar")
            }
        }
    }

    fn en(&self) -> String {
        match self {
            Self::WrongType(kind) => format!("{} belongs here", kind.title().en),
            Self::OutOfRange { value, low, high } if under(value, *low) => {
                format!("{value} is under the least of {low} (allowed: {low} to {high})")
            }
            Self::OutOfRange { value, low, high } => {
                format!("{value} is over the ceiling of {high} (allowed: {low} to {high})")
            }
            Self::Form { value, wanted } => {
                format!("\"{value}\" will not do; allowed: {}", wanted.en)
            }
            Self::Missing(wanted) => format!("missing: {}", wanted.en),
            Self::TooMany { max } => {
                format!("the list has more than {max} entries; {max} are allowed")
            }
            Self::Argon2(error) => error.text(Lang::En),
            Self::Unusable(cause) => format!("cannot be used: {cause}"),
            Self::Secret { wanted } => format!("will not do; allowed: {}", wanted.en),
            Self::ShortSecret { bytes, least } => {
                format!("it has {bytes} bytes; at least {least} random ones are needed")
            }
        }
    }
}

/// Whether a number that is out of range is so at the lower end.
fn under(value: &str, low: u64) -> bool {
    value.parse::<i128>().is_ok_and(|value| value < i128::from(low))
}
