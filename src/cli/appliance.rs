//! `pichat appliance …`: between the boot partition, which any computer can write, and the system on the card. Called at boot, as root.
//!
//! | file | what |
//! | --- | --- |
//! | `settings` | the command: pichat.toml of the card put in force, step by step |
//! | `chosen` | which settings hold: the card's or, where they are broken, the last good ones or the shipped ones; the server's text |
//! | `last_good` | the copy of the card's last good file |
//! | `startable` | what the server would only find out when it starts |
//! | `secrets` | what is taken from the card and kept where only root reads |
//! | `wireless` `wired` | what wpa_supplicant and networkd are told |
//! | `reclaim` | the request for a new claim, handed on |
//! | `code` | the command: the claim code onto the card |
//! | `partition` | writing to the boot partition, which is mounted read-only |

mod chosen;
mod code;
mod last_good;
mod partition;
mod reclaim;
mod secrets;
mod settings;
mod startable;
mod wired;
mod wireless;

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::private_file;
use crate::types::printable;

use super::exit::Failure;

#[derive(Subcommand)]
pub(super) enum Appliance {
    /// Pone en práctica el pichat.toml de la tarjeta; se llama en cada arranque · Puts the card's pichat.toml in force; called at every boot
    Settings(Root),
    /// Escribe PICHAT-CODIGO.txt en la tarjeta mientras el equipo se pueda reclamar, y luego lo borra · Writes PICHAT-CODIGO.txt to the card while the device can be claimed, and removes it afterwards
    Code(Root),
}

/// Where the system's files hang from.
#[derive(Args)]
pub(super) struct Root {
    /// Carpeta de la que cuelgan todas las rutas · Folder that every path hangs from
    #[arg(long = "root", value_name = "DIR", default_value = "/")]
    dir: PathBuf,
}

impl Root {
    /// A path of the card, absolute or not, below the root.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.join(path.as_ref().strip_prefix("/").unwrap_or(path.as_ref()))
    }
}

/// The image alone has this file. Without it the root is another machine's, and nothing of it is touched.
const MARK: &str = "usr/lib/pichat/appliance";

impl Appliance {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (Self::Settings(root) | Self::Code(root)) = &self;
        if !matches!(private_file::open(&root.at(MARK)), Ok(Some(_))) {
            return Err(Failure::NoCard(root.at("")));
        }
        match &self {
            Self::Settings(root) => settings::run(root),
            Self::Code(root) => code::run(root),
        }
    }
}

/// Severities of sd-daemon(3), which the journal takes off a line's front.
const ERROR: &str = "<3>";
const WARNING: &str = "<4>";

/// One line for the journal.
#[allow(clippy::print_stderr, reason = "the journal reads it")]
fn tell(severity: &str, text: impl std::fmt::Display) {
    eprintln!("{severity}{}", printable(&text.to_string()));
}

/// Steps that are all tried: what fails is told, and the first failure is how the command ends.
#[derive(Default)]
struct Steps(Option<Failure>);

impl Steps {
    /// Takes note of one step's outcome.
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

/// Most bytes of a small file that somebody else wrote.
const SMALL: u64 = 64 * 1024;

/// The text of a small regular file, if there is one. Its folder belongs to the server's user, so what lies there may be anything.
fn small_file(path: &Path) -> Option<String> {
    private_file::text(path, SMALL)
}
