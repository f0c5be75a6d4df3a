//! Settings of a command: file, data folder and flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigError, Overrides};

/// Settings file and data folder.
#[derive(Args, Clone)]
pub(super) struct ConfigSource {
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

/// Settings and the text of their file.
pub(super) struct LoadedConfig {
    pub(super) config: Config,
    /// Text of the file; `None` without a file.
    pub(super) text: Option<Zeroizing<String>>,
}

/// Values of the command line that override the settings.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) listen: Option<SocketAddr>,
    pub(super) tls_listen: Option<SocketAddr>,
    /// Plain HTTP unless the settings set a mode.
    pub(super) plain: bool,
}

impl ConfigSource {
    pub(super) fn load(&self, flags: Flags) -> Result<Config, ConfigError> {
        Ok(self.load_text(flags)?.config)
    }

    /// Loads the settings with the text of their file, if there is one.
    pub(super) fn load_text(&self, flags: Flags) -> Result<LoadedConfig, ConfigError> {
        let text =
            self.config.as_deref().map(|file| config::read(file, file).map(Zeroizing::new)).transpose()?;
        Ok(LoadedConfig { config: self.parse(text.as_ref().map_or("", |text| text), flags)?, text })
    }

    /// Parses a text as if it were the file's.
    pub(super) fn parse(&self, text: &str, flags: Flags) -> Result<Config, ConfigError> {
        let env: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let Flags { listen, tls_listen, plain } = flags;
        let overrides = Overrides { listen, tls_listen, data_dir: self.data_dir.clone(), plain };
        Config::parse(text, self.config.as_deref().unwrap_or(Path::new("")), &env, overrides)
    }
}
