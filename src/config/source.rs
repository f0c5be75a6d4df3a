//! Source of a value, for error texts; and the checks that all tables share.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::{ConfigError, SettingProblem};
use crate::types::{Lang, Localized};

/// Maximum entries of a list: 64 names or proxies are more than one office has.
const MAX_LIST: usize = 64;

/// Position of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// In a file.
    File {
        /// Path of the file, as it was given.
        path: PathBuf,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// In an environment variable of this name.
    Variable(String),
}

impl Span {
    /// Returns the position of a byte `offset` in a file's `text`.
    pub(super) fn in_text(path: &Path, text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self::File { path: path.to_owned(), line: number(line), column: number(column) }
    }

    /// Returns `file:line:column` or the variable's name, for a person.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::File { path, line, column } => format!("{}:{line}:{column}", path.display()),
            Self::Variable(name) => match lang {
                Lang::Es => format!("variable de entorno {name}"),
                Lang::En => format!("environment variable {name}"),
            },
        }
    }
}

/// Localized of a configuration, and the keys that the environment overrides.
pub(super) struct SettingSource<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) variables: BTreeMap<&'static str, &'a str>,
}

impl SettingSource<'_> {
    /// Returns true if a variable sets `key`.
    pub(super) fn overrides(&self, key: &str) -> bool {
        self.variables.contains_key(key)
    }

    /// Returns a position in the file.
    pub(super) fn at(&self, span: &Range<usize>) -> Span {
        Span::in_text(self.path, self.text, span.start)
    }

    /// Returns the source of the value of `key`: the variable that sets it, else the position of `span`.
    pub(super) fn place(&self, key: &str, span: &Range<usize>) -> Span {
        match self.variables.get(key) {
            Some(name) => Span::Variable((*name).to_owned()),
            None => self.at(span),
        }
    }

    /// Converts an error of the TOML parser.
    pub(super) fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let place = self.at(&error.span().unwrap_or_default());
        ConfigError::Syntax { place, message: error.message().replace('\n', "; ") }
    }

    /// Returns the error about a value of `key`.
    pub(super) fn error(&self, key: &'static str, span: &Range<usize>, problem: SettingProblem) -> ConfigError {
        ConfigError::Value { place: self.place(key, span), key, problem }
    }

    /// Returns a number within `allowed`, or `default` if none is given.
    pub(super) fn number<T>(
        &self,
        key: &'static str,
        given: Option<&Spanned<i128>>,
        allowed: RangeInclusive<T>,
        default: T,
    ) -> Result<T, ConfigError>
    where
        T: Copy + PartialOrd + TryFrom<i128> + TryInto<u64>,
    {
        let Some(given) = given else {
            return Ok(default);
        };
        let value = T::try_from(*given.get_ref()).ok().filter(|value| allowed.contains(value));
        value.ok_or_else(|| {
            let bound = |bound: &T| (*bound).try_into().unwrap_or(u64::MAX);
            let problem = SettingProblem::OutOfRange {
                value: given.get_ref().to_string(),
                low: bound(allowed.start()),
                high: bound(allowed.end()),
            };
            self.error(key, &given.span(), problem)
        })
    }

    /// Parses a text, or returns `default` if none is given. The error shows `wanted`.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        given: Option<&Spanned<String>>,
        default: T,
        wanted: Localized,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Some(given) = given else {
            return Ok(default);
        };
        parse(given.get_ref()).ok_or_else(|| self.error(key, &given.span(), SettingProblem::form(given.get_ref(), wanted)))
    }

    /// Parses a list of texts; empty if none is given.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        given: Option<&Spanned<Vec<Spanned<String>>>>,
        wanted: Localized,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(given) = given else {
            return Ok(Vec::new());
        };
        if given.get_ref().len() > MAX_LIST {
            return Err(self.error(key, &given.span(), SettingProblem::TooMany { max: MAX_LIST }));
        }
        let item = |item: &Spanned<String>| {
            parse(item.get_ref()).ok_or_else(|| self.error(key, &item.span(), SettingProblem::form(item.get_ref(), wanted)))
        };
        given.get_ref().iter().map(item).collect()
    }
}
