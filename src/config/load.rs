//! Reads file, environment and command line into a checked [`Config`].

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::error::ConfigError;
use super::retired::{RETIRED, Retired};
use super::sections::files;
use super::sections::tls::TlsMode;
use super::source::document::{self, Document};
use super::source::environment::Environment;
use super::span::Span;
use super::values::{Config, Overrides};

/// Maximum bytes of a configuration file. The annotated example has under 16 KiB; a file over 256 KiB is a
/// mistake (a database, a device file) that must not be read into memory.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;

impl Config {
    /// Reads `file` (`None`: defaults only), overlays the variables of `env` and then the flags.
    ///
    /// # Errors
    /// Fails if the file does not exist or cannot be read, and as [`Config::parse`] does.
    pub fn load(
        file: Option<&Path>,
        env: &[(String, String)],
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
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
    pub fn parse(
        text: &str,
        origin: &Path,
        env: &[(String, String)],
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        Self::parse_with(text, origin, env, overrides, RETIRED)
    }

    /// Parses as [`Config::parse`] does, with another table of retired keys.
    pub(super) fn parse_with(
        text: &str,
        origin: &Path,
        env: &[(String, String)],
        overrides: Overrides,
        table: &'static [Retired],
    ) -> Result<Self, ConfigError> {
        let environment = Environment::read(env, table)?;
        let Document { raw, origin, mut retired } = document::read(text, origin, &environment, table)?;
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

        let mut tls = raw.tls.check(
            &origin,
            &data_dir,
            if overrides.plain { TlsMode::Off } else { TlsMode::default() },
        )?;
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
        raw.tls.apart(&origin, config.http.listen, &config.tls)?;
        Ok(config)
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
        return Err(ConfigError::TooLarge { path: path.to_owned(), max_bytes: MAX_FILE_BYTES });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]);
        ConfigError::NotUtf8 { place: Span::in_text(path, &before, good) }
    })
}
