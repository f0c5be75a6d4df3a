//! Text and environment to raw structs: parses TOML, checks every key, overlays the environment,
//! deserializes.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use crate::config::error::ConfigError;
use crate::config::kind::SettingKind;
use crate::config::problem::SettingProblem;
use crate::config::retired::{Retired, RetiredUse};
use crate::config::sections::accounts::RawAccountSettings;
use crate::config::sections::audit::RawAudit;
use crate::config::sections::chat::RawChat;
use crate::config::sections::claim::RawClaim;
use crate::config::sections::device::RawDevice;
use crate::config::sections::files::RawFiles;
use crate::config::sections::http::RawHttp;
use crate::config::sections::limits::RawLimits;
use crate::config::sections::network::RawNetwork;
use crate::config::sections::tls::RawTls;
use crate::config::sections::wifi::RawWifi;
use crate::config::setting::Setting;
use crate::config::settings::{self, TABLES, settings};
use crate::config::source::environment::Environment;
use crate::config::source::setting_source::SettingSource;
use crate::config::source::suggest::nearest;

/// The whole file before its values are checked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Raw {
    pub(in crate::config) data_dir: Option<Spanned<String>>,
    pub(in crate::config) http: RawHttp,
    pub(in crate::config) tls: RawTls,
    pub(in crate::config) accounts: RawAccountSettings,
    pub(in crate::config) chat: RawChat,
    pub(in crate::config) files: RawFiles,
    pub(in crate::config) audit: RawAudit,
    pub(in crate::config) limits: RawLimits,
    pub(in crate::config) device: RawDevice,
    pub(in crate::config) wifi: RawWifi,
    pub(in crate::config) network: RawNetwork,
    pub(in crate::config) claim: RawClaim,
}

/// Settings of a text and the environment, before their values are checked.
pub(in crate::config) struct Document<'a> {
    pub(in crate::config) raw: Raw,
    /// Sources of the values.
    pub(in crate::config) origin: SettingSource<'a>,
    /// Retired keys of the text.
    pub(in crate::config) retired: Vec<RetiredUse>,
}

/// Parses `text` and overlays the environment. Keys of `table` are removed and reported.
pub(in crate::config) fn read<'a>(
    text: &'a str,
    path: &'a Path,
    environment: &Environment<'a>,
    table: &'static [Retired],
) -> Result<Document<'a>, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let given = environment.values.iter();
    let variables = given.map(|value| (value.setting.path, value.variable)).collect();
    let origin = SettingSource { path, text, variables };
    let syntax = |error: toml::de::Error| origin.syntax(&error);
    let mut document = DeTable::parse(text).map_err(syntax)?;
    let retired = take_retired(document.get_mut(), &origin, table);
    check_keys(document.get_ref(), &origin)?;
    for given in &environment.values {
        overlay_env(document.get_mut(), given.setting, given.value.clone());
    }
    let raw = Raw::deserialize(Deserializer::from(document)).map_err(syntax)?;
    Ok(Document { raw, origin, retired })
}

/// Removes retired keys, in the order of the text.
fn take_retired(
    document: &mut DeTable<'_>,
    origin: &SettingSource<'_>,
    table: &'static [Retired],
) -> Vec<RetiredUse> {
    let mut used = Vec::new();
    let mut take = |prefix: &str, keys: &mut DeTable<'_>| {
        let find = |name: &Spanned<Cow<'_, str>>| {
            let key = Retired::find(table, &format!("{prefix}{}", name.get_ref()))?;
            Some((name.get_ref().to_string(), name.span(), key))
        };
        let gone: Vec<_> = keys.keys().filter_map(find).collect();
        for (name, span, key) in gone {
            keys.remove(name.as_str());
            used.push((span.start, RetiredUse { place: origin.at(&span), key }));
        }
    };
    take("", document);
    for (name, value) in document.iter_mut() {
        if let DeValue::Table(keys) = value.get_mut() {
            take(&format!("{}.", name.get_ref()), keys);
        }
    }
    used.sort_by_key(|(offset, _)| *offset);
    used.into_iter().map(|(_, used)| used).collect()
}

/// Checks that every key is a setting and every value has its kind. Returns the first error in the order of
/// the text.
fn check_keys(document: &DeTable<'_>, origin: &SettingSource<'_>) -> Result<(), ConfigError> {
    let mut errors = Vec::new();
    for (key, value) in document {
        let name = key.get_ref().as_ref();
        let Some(table) = TABLES.iter().find(|table| table.name == name) else {
            errors.extend(to_error(name, key, value, origin));
            continue;
        };
        match value.get_ref() {
            DeValue::Table(keys) => errors.extend(keys.iter().filter_map(|(key, value)| {
                to_error(&format!("{name}.{}", key.get_ref()), key, value, origin)
            })),
            _ => {
                let problem = SettingProblem::WrongType(SettingKind::Table);
                errors.push(FoundError {
                    offset: value.span().start,
                    error: origin.error(table.name, &value.span(), problem),
                });
            }
        }
    }
    match errors.into_iter().min_by_key(|found| found.offset) {
        Some(first) => Err(first.error),
        None => Ok(()),
    }
}

/// Error at a byte of the text.
struct FoundError {
    offset: usize,
    error: ConfigError,
}

/// Converts a wrong key or value into an error with its byte offset.
fn to_error(
    path: &str,
    key: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    origin: &SettingSource<'_>,
) -> Option<FoundError> {
    let Some(setting) = settings::find(path) else {
        let table = path.rsplit_once('.').map_or("", |(table, _)| table);
        let mut allowed: Vec<&str> = settings().filter(|s| s.table() == table).map(Setting::key).collect();
        if table.is_empty() {
            allowed.extend(TABLES.iter().map(|table| table.name));
        }
        let tables = TABLES.iter().map(|table| table.name).filter(|_| table.is_empty());
        let known = settings().map(|s| s.path).chain(tables).map(str::to_owned);
        let error = ConfigError::UnknownKey {
            place: origin.at(&key.span()),
            key: path.escape_debug().to_string(),
            nearest: nearest(path, known),
            allowed: allowed.join(" "),
        };
        return Some(FoundError { offset: key.span().start, error });
    };
    let bad = match (setting.kind, value.get_ref()) {
        (SettingKind::Number, DeValue::Integer(_)) | (SettingKind::Text, DeValue::String(_)) => None,
        (SettingKind::List, DeValue::Array(items)) => items.iter().find(|item| !item.get_ref().is_str()),
        _ => Some(value),
    };
    bad.map(|bad| {
        // A variable may override this value later; the wrong value in the file is an error all the same.
        let (place, problem) = (origin.at(&bad.span()), SettingProblem::WrongType(setting.kind));
        FoundError {
            offset: bad.span().start,
            error: ConfigError::Value { place, key: setting.path, problem },
        }
    })
}

/// Puts a variable's value in the place of the file's. The span does not matter: errors about it name the
/// variable.
fn overlay_env<'a>(document: &mut DeTable<'a>, setting: &'static Setting, value: DeValue<'a>) {
    let spanned = |text| Spanned::new(0..0, Cow::Borrowed(text));
    let value = Spanned::new(0..0, value);
    if setting.table().is_empty() {
        document.insert(spanned(setting.key()), value);
        return;
    }
    let table = document
        .entry(spanned(setting.table()))
        .or_insert_with(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
    // `look_up` has rejected every other value under a table's name.
    if let DeValue::Table(table) = table.get_mut() {
        table.insert(spanned(setting.key()), value);
    }
}
