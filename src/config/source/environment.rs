//! The environment: a `PICHAT_*` variable for every setting, and the names of the Python program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::error::ConfigError;
use crate::config::kind::SettingKind;
use crate::config::problem::SettingProblem;
use crate::config::retired::{Retired, RetiredUse};
use crate::config::sections::secrets::Secrets;
use crate::config::sections::{audit, http};
use crate::config::setting::Setting;
use crate::config::settings::settings;
use crate::config::source::suggest::nearest;
use crate::config::span::Span;
use crate::types::texts::{Key, key};

/// Settings and secrets of the environment.
pub(in crate::config) struct Environment<'a> {
    /// Values of settings, at most one each.
    pub(in crate::config) values: Vec<EnvVar<'a>>,
    /// `HOST`: address of `http.listen`.
    pub(in crate::config) host: Option<IpAddr>,
    /// `PORT`: port of `http.listen`.
    pub(in crate::config) port: Option<u16>,
    /// `SECRET_KEY` and `ADMIN_PASS`.
    pub(in crate::config) secrets: Secrets,
    /// Variables of retired keys.
    pub(in crate::config) retired: Vec<RetiredUse>,
}

/// Value of one setting.
pub(in crate::config) struct EnvVar<'a> {
    pub(in crate::config) setting: &'static Setting,
    pub(in crate::config) variable: &'a str,
    pub(in crate::config) value: DeValue<'a>,
}

/// Parser of a legacy variable's text.
#[derive(Clone, Copy)]
enum Parsed {
    /// As the setting's own variable.
    Plain,
    /// `5` or, as Flask-Limiter wrote it, `5 per minute`.
    Rate,
    /// Names of Python's log levels, in any case.
    Level,
}

/// Variable of the Python program that sets a setting.
struct LegacyVar {
    name: &'static str,
    /// Path of the setting.
    path: &'static str,
    how: Parsed,
}

impl LegacyVar {
    const fn new(name: &'static str, path: &'static str, how: Parsed) -> Self {
        Self { name, path, how }
    }
}

/// Variables of the Python program, their settings and parsers. `LOGIN_LOCKOUT_TIME` is in seconds. A rate
/// was its own burst there.
const LEGACY_VARS: [LegacyVar; 11] = [
    LegacyVar::new("ALLOWED_ORIGINS", "http.allowed_origins", Parsed::Plain),
    LegacyVar::new("MAX_LOGIN_ATTEMPTS", "limits.login_failures", Parsed::Plain),
    LegacyVar::new("LOGIN_LOCKOUT_TIME", "limits.lockout_seconds", Parsed::Plain),
    LegacyVar::new("RATE_LIMIT_LOGIN", "limits.logins_per_minute", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_UPLOAD", "limits.uploads_per_minute", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_UPLOAD", "limits.upload_burst", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_DOWNLOAD", "limits.downloads_per_minute", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_DOWNLOAD", "limits.download_burst", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_DELETE", "limits.deletes_per_minute", Parsed::Rate),
    LegacyVar::new("RATE_LIMIT_DELETE", "limits.delete_burst", Parsed::Rate),
    LegacyVar::new("LOG_LEVEL", "audit.level", Parsed::Level),
];
/// Variables of the Python program that are no setting here.
const LEGACY_IGNORED: [&str; 4] = ["PORT", "HOST", "ADMIN_PASS", "SECRET_KEY"];

/// Prefixes of variables that belong to the build and the tests.
const OTHER_PROGRAMS: [&str; 3] = ["PICHAT_CI_", "PICHAT_FUZZ_", "PICHAT_TEST_"];

const RATE: Key = key::CONFIG_ALLOWED_RATE;
const PORT: Key = key::CONFIG_ALLOWED_PORT;

impl<'a> Environment<'a> {
    /// Reads the variables that concern PiChat; an empty variable counts as unset.
    pub(in crate::config) fn read(
        env: &'a [(String, String)],
        table: &'static [Retired],
    ) -> Result<Self, ConfigError> {
        let env: BTreeMap<&str, &str> = env
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let retired = retired(env.keys().copied(), table);
        let is_retired =
            |name: &&str| retired.iter().any(|used| used.place == Span::Variable((*name).to_owned()));
        refuse_unknown(env.keys().copied().filter(|name| !is_retired(name)))?;

        let mut values = Vec::new();
        for setting in settings() {
            let own = env.get_key_value(setting.variable().as_str());
            let legacy = LEGACY_VARS.iter().find(|legacy| legacy.path == setting.path);
            let legacy = legacy.and_then(|legacy| Some((env.get_key_value(legacy.name)?, legacy.how)));
            let own = own.map(|own| (own, Parsed::Plain));
            if let Some(((variable, text), how)) = own.or(legacy) {
                let value = value(setting.kind, how, text.trim())
                    .map_err(|problem| error(variable, setting.path, problem))?;
                values.push(EnvVar { setting, variable, value });
            }
        }

        let listen =
            |name, wanted| move |text: &str| error(name, "http.listen", SettingProblem::form(text, wanted));
        let text = |name| env.get(name).map(|text| text.trim());
        let host = text("HOST").map(|s| s.parse().map_err(|_| listen("HOST", http::ADDRESS)(s)));
        let port = text("PORT").map(|s| s.parse().map_err(|_| listen("PORT", PORT)(s)));
        let secret = |name| env.get(name).copied();
        Ok(Self {
            values,
            host: host.transpose()?,
            port: port.transpose()?,
            secrets: Secrets::check(secret("SECRET_KEY"), secret("ADMIN_PASS"))?,
            retired,
        })
    }
}

/// Returns the uses of retired keys.
fn retired<'n>(names: impl Iterator<Item = &'n str>, table: &'static [Retired]) -> Vec<RetiredUse> {
    let used = |name: &'n str| {
        let key = table.iter().find(|retired| retired.variable() == name)?;
        Some(RetiredUse { place: Span::Variable(name.to_owned()), key })
    };
    names.filter_map(used).collect()
}

/// Rejects the first `PICHAT_*` name that no setting has.
fn refuse_unknown<'n>(mut names: impl Iterator<Item = &'n str>) -> Result<(), ConfigError> {
    let unknown = names.find(|name| {
        name.starts_with("PICHAT_")
            && !OTHER_PROGRAMS.iter().any(|prefix| name.starts_with(prefix))
            && !settings().any(|setting| setting.variable() == **name)
    });
    let Some(name) = unknown else {
        return Ok(());
    };
    // A legacy name with our prefix (`PICHAT_SECRET_KEY`) means the legacy name; a key without its table
    // (`PICHAT_ROOMS`) means that key.
    let bare = name.trim_start_matches("PICHAT_");
    let legacy =
        LEGACY_VARS.iter().map(|legacy| legacy.name).chain(LEGACY_IGNORED).find(|legacy| *legacy == bare);
    let key = settings().find(|setting| setting.key().eq_ignore_ascii_case(bare));
    let nearest = legacy
        .map(str::to_owned)
        .or_else(|| key.map(Setting::variable))
        .or_else(|| nearest(name, settings().map(Setting::variable)));
    Err(ConfigError::UnknownVariable { name: name.escape_debug().to_string(), nearest })
}

fn error(variable: &str, key: &'static str, problem: SettingProblem) -> ConfigError {
    ConfigError::Value { place: Span::Variable(variable.to_owned()), key, problem }
}

/// Converts a variable's text to the TOML value that the file would hold.
fn value(kind: SettingKind, how: Parsed, text: &str) -> Result<DeValue<'_>, SettingProblem> {
    match (how, kind) {
        (Parsed::Rate, _) => {
            let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
            let unit: String = text[digits.len()..].split_whitespace().collect();
            if !matches!(unit.to_ascii_lowercase().as_str(), "" | "perminute" | "/minute") {
                return Err(SettingProblem::form(text, RATE));
            }
            number(digits).ok_or_else(|| SettingProblem::form(text, RATE))
        }
        (Parsed::Level, _) => match text.to_ascii_lowercase().as_str() {
            "debug" => Ok("debug"),
            "info" => Ok("info"),
            "warning" | "warn" | "error" | "critical" => Ok("warning"),
            _ => Err(SettingProblem::form(text, audit::LEVEL)),
        }
        .map(|word| DeValue::String(Cow::Borrowed(word))),
        (Parsed::Plain, SettingKind::Number) => {
            number(text).ok_or(SettingProblem::WrongType(SettingKind::Number))
        }
        (Parsed::Plain, SettingKind::List) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let text = |item| Spanned::new(0..0, DeValue::String(Cow::Borrowed(item)));
            Ok(DeValue::Array(items.map(text).collect()))
        }
        (Parsed::Plain, SettingKind::Text | SettingKind::Table) => Ok(DeValue::String(Cow::Borrowed(text))),
    }
}

/// Parses decimal digits as a TOML integer. 30 digits fit an `i128`; the range check comes later and names
/// the ceiling.
fn number(text: &str) -> Option<DeValue<'_>> {
    if text.is_empty() || text.len() > 30 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // TOML has no leading zeros.
    let zeros = text.len() - text.trim_start_matches('0').len();
    let digits = &text[zeros.min(text.len() - 1)..];
    DeValue::parse(digits).ok().map(Spanned::into_inner)
}
