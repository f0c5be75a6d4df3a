//! Inputs of a run of the server, and its messages to the program that started it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::types::{ClaimCode, Role, UserName};

use super::Doors;

/// Kind of start of the server.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Accounts with the PHC strings of their passwords, which are public; loopback only.
    Demo(Vec<(UserName, Role, &'static str)>),
    /// For people.
    Serve,
}

/// Message of the running server to the program that started it.
#[derive(Clone, Debug)]
pub enum Notice {
    /// It answers.
    Listening(Doors),
    /// The device can be claimed with this code.
    Claimable(ClaimCode),
    /// The authority's file could not be used and was put aside as this file; a new authority was made.
    AuthorityDamaged(PathBuf),
    /// The authority may sign for a single label, as those of earlier versions.
    AuthoritySignsLabel,
}

/// All that a run needs.
pub struct Start {
    /// The settings.
    pub config: Config,
    /// Reads the settings anew, for a reload.
    pub reread: Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    /// Kind of start.
    pub mode: Mode,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Told what a person at a terminal wants to know.
    pub notice: Box<dyn Fn(Notice) + Send + Sync>,
}
