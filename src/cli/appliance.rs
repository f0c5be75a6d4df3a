//! `pichat appliance …`: applies the boot partition, which any computer can write, to the system on the card.
//! Runs at boot, as root.
//!
//! | file | what |
//! | --- | --- |
//! | `settings` | the command: applies the card's pichat.toml step by step |
//! | `chosen` | effective settings: the card's, else the last good ones, else the shipped ones; text for the server |
//! | `last_good` | copy of the card's last good file |
//! | `startable` | checks that otherwise fail only at the server's start |
//! | `secrets` | moves secrets from the card to a file that only root reads |
//! | `wireless` `wired` | files for wpa_supplicant and networkd |
//! | `reclaim` | forwards the request for a new claim |
//! | `code` | the command: writes the setup code to the card |
//! | `root` `report` | paths below the root folder; lines for the journal |
//! | `partition` | writes to the boot partition, which is mounted read-only |

mod claim_file;
mod effective_settings;
mod last_good;
mod networkd;
mod partition;
mod preflight;
mod reclaim;
mod report;
mod root;
mod secrets;
mod settings;
mod wpa_supplicant;

use clap::Subcommand;

use crate::private_file;

use super::exit::Failure;
use root::Root;

#[derive(Subcommand)]
pub(super) enum Appliance {
    Settings(Root),
    Code(Root),
}

/// Marker file of the image. A root without it belongs to another system; the command changes nothing there.
pub(super) const CARD_MARK: &str = "usr/lib/pichat/appliance";

impl Appliance {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (Self::Settings(root) | Self::Code(root)) = &self;
        if !matches!(private_file::open(&root.at(CARD_MARK)), Ok(Some(_))) {
            return Err(Failure::NoCard(root.at("")));
        }
        match &self {
            Self::Settings(root) => settings::run(root),
            Self::Code(root) => claim_file::run(root),
        }
    }
}
