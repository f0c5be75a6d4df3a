//! `pichat.toml`, the environment and the command line, read into one checked [`Config`].
//!
//! Two steps. Raw: the document is parsed with its spans, every key is looked up among the [`settings`], the environment is laid over it,
//! and serde structs with `deny_unknown_fields` take it. Checked: each table turns its raw half into values that cannot be wrong.
//! Strongest first: flags, `PICHAT_*` variables, the Python program's variables, the file, the defaults.
//!
//! | file | what |
//! | --- | --- |
//! | `settings` | every key as data: path, kind, default, whether it changes while running, its documentation in both languages |
//! | `http` `tls` `accounts` `argon2` `chat` `files` `audit` `limits` `secrets` | one table each, raw and checked |
//! | `device` `wifi` `network` `claim` | the same, for what only the card's own system and its first start heed |
//! | `document` `environment` `origin` | where values come from, and how an error finds its way back there |
//! | `error` `problem` `nearest` | what a person is told |
//! | `changes` | what a SIGHUP can change |
//! | `retired` | keys that were once settings |
//! | `written` | where each value of a text stands, and texts made of such values |
//! | `example` | `docs/pichat.example.toml`, written from the settings |

mod accounts;
mod argon2;
mod audit;
mod changes;
mod chat;
mod claim;
mod device;
mod document;
mod environment;
mod error;
mod example;
mod files;
mod http;
mod ip_range;
mod limits;
mod live;
mod nearest;
mod network;
mod origin;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod retired;
mod secrets;
mod settings;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
mod tls;
mod wifi;
mod written;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use accounts::{Accounts, Argon2Setting};
pub use argon2::{Argon2Params, Argon2ParamsError, OWASP_ROWS};
pub use audit::{Audit, Level, SyslogTarget};
pub use changes::Changes;
pub use chat::Chat;
pub use claim::{Claim, PasswordHash};
pub use device::Device;
pub use error::ConfigError;
pub use example::example;
pub use files::Files;
pub use http::Http;
pub use ip_range::IpRange;
pub use limits::{
    CONNECTIONS_CEILING, FILES_CEILING, Limits, RATE_CEILING, ROOM_MEMBERS_CEILING, ROOM_RING_CEILING, ROOMS_CEILING,
    ROOMS_PER_SOCKET_CEILING, SESSIONS_CEILING,
};
pub use live::Live;
pub use network::{InterfaceAddress, Network};
pub use origin::Place;
pub use problem::Problem;
pub use retired::{Retired, RetiredUse};
pub use secrets::Secrets;
pub use settings::{Kind, Reload, Setting, settings};
pub use tls::{Tls, TlsMode};
pub use wifi::{Wifi, WifiPassword};
pub use written::{Written, compose};

use environment::Environment;
use retired::RETIRED;

/// Most bytes of a configuration file: the annotated example has under 16 KiB, so 256 KiB is no configuration but a mistake
/// (a database, a device file) that must not be read into memory.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Everything a person can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database, the server's own key and, by default, the files live. Default: the working directory.
    pub data_dir: PathBuf,
    /// `[http]`: where the server listens and whom it believes.
    pub http: Http,
    /// `[tls]`: whether it speaks HTTPS itself, and where.
    pub tls: Tls,
    /// `[accounts]`: password hashing and sessions.
    pub accounts: Accounts,
    /// `[chat]`: how long rooms and places in them outlive their people.
    pub chat: Chat,
    /// `[files]`: the quarantine's place and size.
    pub files: Files,
    /// `[audit]`: where events go, and how many.
    pub audit: Audit,
    /// `[limits]`: every bound a person may move.
    pub limits: Limits,
    /// `[device]`: what the appliance is called, its language, its time zone.
    pub device: Device,
    /// `[wifi]`: the wireless network that the card joins.
    pub wifi: Wifi,
    /// `[network]`: the card's fixed address.
    pub network: Network,
    /// `[claim]`: the first account.
    pub claim: Claim,
    /// From the environment alone, never from the file.
    pub secrets: Secrets,
    /// Keys without effect that file or environment name.
    pub retired: Vec<RetiredUse>,
}

/// What the command line says; stronger than everything else.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--tls-listen`.
    pub tls_listen: Option<SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// Without a word in the settings HTTP is plain: `demo`, which nobody else can reach.
    pub plain: bool,
}

impl Config {
    /// What holds without a file, without variables, without flags.
    pub fn defaults() -> Self {
        Self {
            data_dir: PathBuf::from("."),
            http: Http::default(),
            tls: Tls::default(),
            accounts: Accounts::default(),
            chat: Chat::default(),
            files: Files::default(),
            audit: Audit::default(),
            limits: Limits::default(),
            device: Device::default(),
            wifi: Wifi::default(),
            network: Network::default(),
            claim: Claim::default(),
            secrets: Secrets::default(),
            retired: Vec::new(),
        }
    }

    /// Reads `file` (`None`: no file, only defaults), lays the variables of `env` over it and the flags over both.
    ///
    /// # Errors
    /// A file that cannot be read, also one that does not exist; and whatever [`Config::parse`] refuses.
    pub fn load(file: Option<&Path>, env: &[(String, String)], overrides: Overrides) -> Result<Self, ConfigError> {
        let Some(path) = file else {
            return Self::parse("", Path::new(""), env, overrides);
        };
        Self::parse(&read(path, path)?, path, env, overrides)
    }

    /// The same from a text; `origin` is the name that errors give it. A byte order mark and CRLF line ends are welcome.
    ///
    /// # Errors
    /// What is no TOML, an unknown key or `PICHAT_*` variable, a value of the wrong type or outside what is allowed: each with its place.
    pub fn parse(text: &str, origin: &Path, env: &[(String, String)], overrides: Overrides) -> Result<Self, ConfigError> {
        Self::parse_with(text, origin, env, overrides, RETIRED)
    }

    /// As [`Config::parse`], with another table of retired keys.
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

    /// What differs between this configuration and a `newer` one. Secrets are read at start only, and not compared.
    pub fn compare(&self, newer: &Self) -> Changes {
        Changes::between(self, newer)
    }
}

/// The text of a settings file, at most [`MAX_FILE_BYTES`] of it; errors name it `path`.
///
/// # Errors
/// A file that is missing, unreadable, too large or not UTF-8.
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
        ConfigError::NotUtf8 { place: Place::in_text(path, &before, good) }
    })
}
