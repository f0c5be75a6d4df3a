//! Source of a value, for error texts; and the checks that all tables share.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::span::Span;
use crate::types::texts::Key;

/// Maximum entries of a list: 64 names or proxies are more than one office has.
const MAX_LIST: usize = 64;

/// Text of a configuration, and the keys that the environment overrides.
pub(in crate::config) struct SettingSource<'a> {
    pub(in crate::config) path: &'a Path,
    pub(in crate::config) text: &'a str,
    pub(in crate::config) variables: BTreeMap<&'static str, &'a str>,
}

impl SettingSource<'_> {
    /// Returns true if a variable sets `key`.
    pub(in crate::config) fn overrides(&self, key: &str) -> bool {
        self.variables.contains_key(key)
    }

    /// Returns a position in the file.
    pub(in crate::config) fn at(&self, span: &Range<usize>) -> Span {
        Span::in_text(self.path, self.text, span.start)
    }

    /// Returns the source of the value of `key`: the variable that sets it, else the position of `span`.
    pub(in crate::config) fn place(&self, key: &str, span: &Range<usize>) -> Span {
        match self.variables.get(key) {
            Some(name) => Span::Variable((*name).to_owned()),
            None => self.at(span),
        }
    }

    /// Converts an error of the TOML parser.
    pub(in crate::config) fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let place = self.at(&error.span().unwrap_or_default());
        ConfigError::Syntax { place, message: error.message().replace('\n', "; ") }
    }

    /// Returns the error about a value of `key`.
    pub(in crate::config) fn error(
        &self,
        key: &'static str,
        span: &Range<usize>,
        problem: SettingProblem,
    ) -> ConfigError {
        ConfigError::Value { place: self.place(key, span), key, problem }
    }

    /// Returns a number within `allowed`, or `default` if none is given.
    pub(in crate::config) fn number<T>(
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
    pub(in crate::config) fn parsed<T>(
        &self,
        key: &'static str,
        given: Option<&Spanned<String>>,
        default: T,
        wanted: Key,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Some(given) = given else {
            return Ok(default);
        };
        parse(given.get_ref())
            .ok_or_else(|| self.error(key, &given.span(), SettingProblem::form(given.get_ref(), wanted)))
    }

    /// Parses a list of texts; empty if none is given.
    pub(in crate::config) fn list<T>(
        &self,
        key: &'static str,
        given: Option<&Spanned<Vec<Spanned<String>>>>,
        wanted: Key,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(given) = given else {
            return Ok(Vec::new());
        };
        if given.get_ref().len() > MAX_LIST {
            return Err(self.error(key, &given.span(), SettingProblem::TooMany { max: MAX_LIST }));
        }
        let item = |item: &Spanned<String>| {
            parse(item.get_ref())
                .ok_or_else(|| self.error(key, &item.span(), SettingProblem::form(item.get_ref(), wanted)))
        };
        given.get_ref().iter().map(item).collect()
    }
}
