//! Parameters of a run of the server, and its messages to the program that started it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::types::{ClaimCode, Role, UserName};

use super::listeners::Listeners;

/// Account of the demonstration.
#[derive(Clone, Debug)]
pub struct DemoAccount {
    /// Name of the account.
    pub name: UserName,
    /// Role of the account.
    pub role: Role,
    /// PHC string of its public password.
    pub phc: &'static str,
}

/// Mode of the server.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Demonstration with public accounts; loopback only.
    Demo(Vec<DemoAccount>),
    /// Production.
    Serve,
}

/// Message of the running server to the program that started it.
#[derive(Clone, Debug)]
pub enum ServerNotice {
    /// The server accepts connections.
    Listening(Listeners),
    /// The device can be claimed with this code.
    Claimable {
        /// The code.
        code: ClaimCode,
        /// Address of PiChat, as a person types it.
        url: String,
    },
    /// The authority's file was unusable and put aside as this file; a new authority was made.
    AuthorityDamaged(PathBuf),
    /// The authority may sign for a single label, as authorities of earlier versions could.
    AuthoritySignsLabel,
}

/// Parameters of a run.
pub struct ServerOptions {
    /// The settings.
    pub config: Config,
    /// Reads the settings again, for a reload.
    pub reread: Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    /// Mode.
    pub mode: Mode,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Receives messages for a person at a terminal.
    pub notice: Box<dyn Fn(ServerNotice) + Send + Sync>,
}
