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
//! | `partition` | writes to the boot partition, which is mounted read-only |

mod claim_file;
mod effective_settings;
mod last_good;
mod networkd;
mod partition;
mod preflight;
mod reclaim;
mod secrets;
mod settings;
mod wpa_supplicant;

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::private_file;
use crate::types::printable;

use super::exit::Failure;

#[derive(Subcommand)]
pub(super) enum Appliance {
    /// Aplica el pichat.toml de la tarjeta; se llama en cada arranque · Applies the card's pichat.toml;
    /// called at every boot
    Settings(Root),
    /// Escribe PICHAT-CODIGO.txt en la tarjeta mientras se pueda activar PiChat, y luego lo borra · Writes
    /// PICHAT-CODIGO.txt to the card while PiChat can be set up, and removes it afterwards
    Code(Root),
}

/// Root of the system's files.
#[derive(Args)]
pub(super) struct Root {
    /// Carpeta en la que empiezan todas las rutas · Folder that all paths start in
    #[arg(long = "root", value_name = "DIR", default_value = "/")]
    dir: PathBuf,
}

impl Root {
    /// Returns a path of the card, absolute or not, below the root.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.join(path.as_ref().strip_prefix("/").unwrap_or(path.as_ref()))
    }
}

/// Marker file of the image. A root without it belongs to another system; the command changes nothing there.
const MARK: &str = "usr/lib/pichat/appliance";

impl Appliance {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (Self::Settings(root) | Self::Code(root)) = &self;
        if !matches!(private_file::open(&root.at(MARK)), Ok(Some(_))) {
            return Err(Failure::NoCard(root.at("")));
        }
        match &self {
            Self::Settings(root) => settings::run(root),
            Self::Code(root) => claim_file::run(root),
        }
    }
}

/// Severity prefixes of sd-daemon(3), which the journal strips from a line.
const ERROR: &str = "<3>";
const WARNING: &str = "<4>";

/// Prints one line for the journal.
#[allow(clippy::print_stderr, reason = "the journal reads it")]
fn tell(severity: &str, text: impl std::fmt::Display) {
    eprintln!("{severity}{}", printable(&text.to_string()));
}

/// Runs all steps, even after one has failed. The command ends with the first failure.
#[derive(Default)]
struct Steps(Option<Failure>);

impl Steps {
    /// Records the outcome of one step.
    fn took(&mut self, path: &Path, outcome: io::Result<()>) {
        if let Err(cause) = outcome {
            tell(ERROR, format_args!("{}: {cause}", path.display()));
            self.0.get_or_insert(Failure::Appliance { path: path.to_owned(), cause });
        }
    }

    fn end(self) -> Result<(), Failure> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Maximum bytes of a small file that another program wrote.
const SMALL: u64 = 64 * 1024;

/// Reads a small regular file, if there is one. Its folder belongs to the server's user, so the entry may be
/// anything.
fn small_file(path: &Path) -> Option<String> {
    private_file::text(path, SMALL)
}
