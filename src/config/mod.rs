//! `pichat.toml`, the environment and the command line, read into one checked [`Config`].
//!
//! Two steps. Raw: the document is parsed with its spans, and every key is checked against the [`settings`]. Then
//! the environment is laid over it, and serde structs with `deny_unknown_fields` take it. Checked: each table
//! converts its raw half into validated values.
//! Strongest first: flags, `PICHAT_*` variables, the Python program's variables, the file, the defaults.
//!
//! | file | what |
//! | --- | --- |
//! | `settings` | every key as data: path, kind, default, reloadable or not, its documentation in both languages |
//! | `http` `tls` `accounts` `argon2` `chat` `files` `audit` `limits` `secrets` | one table each, raw and checked |
//! | `device` `wifi` `network` `claim` | the same, for settings that only the appliance and the first start use |
//! | `document` `environment` `origin` | sources of values, and the way from an error back to its source |
//! | `error` `problem` `nearest` | error texts |
//! | `changes` | settings that a SIGHUP changes |
//! | `retired` | keys that were settings once |
//! | `written` | positions of the values in a text, and texts composed of such values |
//! | `example` | `docs/pichat.example.toml`, generated from the settings |

mod accounts;
mod argon2;
mod audit;
mod changes;
mod chat;
mod claim;
mod device;
mod document;
mod edit;
mod environment;
mod error;
mod example;
mod files;
mod http;
mod ip_range;
mod limits;
mod network;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod retired;
mod secrets;
mod settings;
mod shared;
mod source;
mod suggest;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
mod tls;
mod wifi;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use accounts::{AccountSettings, Argon2Setting};
pub use argon2::{Argon2Params, Argon2ParamsError, OWASP_ROWS};
pub use audit::{AuditSettings, Level, SyslogTarget};
pub use changes::Changes;
pub use chat::ChatSettings;
pub use claim::{ClaimSettings, PasswordHash};
pub use device::DeviceSettings;
pub use edit::{TomlEditor, render};
pub use error::ConfigError;
pub use example::example;
pub use files::FileSettings;
pub use http::HttpSettings;
pub use ip_range::IpRange;
pub use limits::{
    CONNECTIONS_CEILING, FILES_CEILING, Limits, RATE_CEILING, ROOM_MEMBERS_CEILING, ROOM_RING_CEILING, ROOMS_CEILING,
    ROOMS_PER_SOCKET_CEILING, SESSIONS_CEILING,
};
pub use network::{InterfaceAddress, NetworkSettings};
pub use problem::SettingProblem;
pub use retired::{Retired, RetiredUse};
pub use secrets::Secrets;
pub use settings::{Reload, Setting, SettingKind, settings};
pub use shared::SharedConfig;
pub use source::Span;
pub use tls::{TlsMode, TlsSettings};
pub use wifi::{WifiPassword, WifiSettings};

use environment::Environment;
use retired::RETIRED;

/// Maximum bytes of a configuration file. The annotated example has under 16 KiB; a file over 256 KiB is a
/// mistake (a database, a device file) that must not be read into memory.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the database, of the server's own key and, by default, of the files. Default: the working
    /// directory.
    pub data_dir: PathBuf,
    /// `[http]`: listen address, host names and trusted proxies.
    pub http: HttpSettings,
    /// `[tls]`: mode and address of HTTPS.
    pub tls: TlsSettings,
    /// `[accounts]`: password hashing and sessions.
    pub accounts: AccountSettings,
    /// `[chat]`: lifetime of empty rooms and of seats of lost connections.
    pub chat: ChatSettings,
    /// `[files]`: folder and size of the quarantine.
    pub files: FileSettings,
    /// `[audit]`: target and threshold of the audit log.
    pub audit: AuditSettings,
    /// `[limits]`: every limit that the operator may change.
    pub limits: Limits,
    /// `[device]`: host name, language and time zone of the appliance.
    pub device: DeviceSettings,
    /// `[wifi]`: wireless network of the card.
    pub wifi: WifiSettings,
    /// `[network]`: fixed address of the card.
    pub network: NetworkSettings,
    /// `[claim]`: first account.
    pub claim: ClaimSettings,
    /// Secrets, from the environment alone, never from the file.
    pub secrets: Secrets,
    /// Retired keys that the file or the environment names.
    pub retired: Vec<RetiredUse>,
}

/// Values of the command line; they override all other sources.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--tls-listen`.
    pub tls_listen: Option<SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// Serves plain HTTP unless the settings say otherwise: for `demo`, which only serves loopback.
    pub plain: bool,
}

impl Config {
    /// Returns the configuration without file, variables and flags.
    pub fn defaults() -> Self {
        Self {
            data_dir: PathBuf::from("."),
            http: HttpSettings::default(),
            tls: TlsSettings::default(),
            accounts: AccountSettings::default(),
            chat: ChatSettings::default(),
            files: FileSettings::default(),
            audit: AuditSettings::default(),
            limits: Limits::default(),
            device: DeviceSettings::default(),
            wifi: WifiSettings::default(),
            network: NetworkSettings::default(),
            claim: ClaimSettings::default(),
            secrets: Secrets::default(),
            retired: Vec::new(),
        }
    }

    /// Reads `file` (`None`: defaults only), overlays the variables of `env` and then the flags.
    ///
    /// # Errors
    /// Fails if the file does not exist or cannot be read, and as [`Config::parse`] does.
    pub fn load(file: Option<&Path>, env: &[(String, String)], overrides: Overrides) -> Result<Self, ConfigError> {
        let Some(path) = file else {
            return Self::parse("", Path::new(""), env, overrides);
        };
        Self::parse(&read(path, path)?, path, env, overrides)
    }

    /// Parses a text; errors name it `origin`. A byte order mark and CRLF line ends are accepted.
    ///
    /// # Errors
    /// Fails with the place of the first fault: a TOML error, an unknown key or `PICHAT_*` variable, a wrong
    /// type or a value out of range.
    pub fn parse(text: &str, origin: &Path, env: &[(String, String)], overrides: Overrides) -> Result<Self, ConfigError> {
        Self::parse_with(text, origin, env, overrides, RETIRED)
    }

    /// Parses as [`Config::parse`] does, with another table of retired keys.
    fn parse_with(
        text: &str,
        origin: &Path,
        env: &[(String, String)],
        overrides: Overrides,
        table: &'static [Retired],
    ) -> Result<Self, ConfigError> {
        let environment = Environment::read(env, table)?;
        let (raw, origin, mut retired) = document::read(text, origin, &environment, table)?;
        retired.extend(environment.retired);

        let data_dir = match overrides.data_dir {
            Some(flag) => flag,
            None => files::data_dir(raw.data_dir.as_ref(), &origin)?,
        };
        let mut http = raw.http.check(&origin)?;
        if !origin.overrides("http.listen") {
            http.listen.set_ip(environment.host.unwrap_or(http.listen.ip()));
            http.listen.set_port(environment.port.unwrap_or(http.listen.port()));
        }
        http.listen = overrides.listen.unwrap_or(http.listen);

        let mut tls = raw.tls.check(&origin, &data_dir, if overrides.plain { TlsMode::Off } else { TlsMode::default() })?;
        tls.listen = overrides.tls_listen.or(tls.listen);

        let config = Self {
            http,
            tls,
            accounts: raw.accounts.check(&origin)?,
            chat: raw.chat.check(&origin)?,
            files: raw.files.check(&origin, &data_dir)?,
            audit: raw.audit.check(&origin)?,
            limits: raw.limits.check(&origin)?,
            device: raw.device.check(&origin)?,
            wifi: raw.wifi.check(&origin)?,
            network: raw.network.check(&origin)?,
            claim: raw.claim.check(&origin)?,
            secrets: environment.secrets,
            retired,
            data_dir,
        };
        raw.tls.apart(&origin, &config)?;
        Ok(config)
    }

    /// Returns the differences between this configuration and a `newer` one. Secrets are read at start only
    /// and not compared.
    pub fn compare(&self, newer: &Self) -> Changes {
        Changes::between(self, newer)
    }
}

/// Reads a settings file of at most [`MAX_FILE_BYTES`]; errors name it `path`.
///
/// # Errors
/// Fails if the file is missing, unreadable, too large or not UTF-8.
pub fn read(file: &Path, path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(file).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]);
        ConfigError::NotUtf8 { place: Span::in_text(path, &before, good) }
    })
}
