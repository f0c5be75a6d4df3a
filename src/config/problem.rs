//! Faults of one value.

use crate::config::kind::SettingKind;
use crate::config::sections::argon2::Argon2ParamsError;
use crate::types::Lang;
use crate::types::texts::{Key, key};

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
        wanted: Key,
    },
    /// The value is missing, and another setting requires it.
    Missing(Key),
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
        wanted: Key,
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
    pub fn form(value: &str, wanted: Key) -> Self {
        let mut shown: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self::Form { value: shown, wanted }
    }

    /// Returns the text in `lang`.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::WrongType(kind) => {
                key::CONFIG_PROBLEM_WRONG_TYPE.fill(lang, &[("kind", &kind.title().get(lang))])
            }
            Self::OutOfRange { value, low, high } => {
                let text =
                    if under(value, *low) { key::CONFIG_PROBLEM_UNDER } else { key::CONFIG_PROBLEM_OVER };
                text.fill(lang, &[("value", value), ("low", low), ("high", high)])
            }
            Self::Form { value, wanted } => {
                key::CONFIG_PROBLEM_FORM.fill(lang, &[("value", value), ("wanted", &wanted.get(lang))])
            }
            Self::Missing(wanted) => key::CONFIG_PROBLEM_MISSING.fill(lang, &[("wanted", &wanted.get(lang))]),
            Self::TooMany { max } => key::CONFIG_PROBLEM_TOO_MANY.fill(lang, &[("max", max)]),
            Self::Argon2(error) => error.text(lang),
            Self::Unusable(cause) => key::CONFIG_PROBLEM_UNUSABLE.fill(lang, &[("cause", cause)]),
            Self::Secret { wanted } => {
                key::CONFIG_PROBLEM_SECRET.fill(lang, &[("wanted", &wanted.get(lang))])
            }
            Self::ShortSecret { bytes, least } => {
                key::CONFIG_PROBLEM_SHORT_SECRET.fill(lang, &[("bytes", bytes), ("least", least)])
            }
        }
    }
}

/// Returns true if a number that is out of range is below the minimum.
fn under(value: &str, low: u64) -> bool {
    value.parse::<i128>().is_ok_and(|value| value < i128::from(low))
}
