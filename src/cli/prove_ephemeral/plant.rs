//! Canaries that the command puts where none may be, to show that it finds them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::cli::child_server::WORK;
use crate::cli::usage::Expected;
use crate::types::texts::key;

use super::canary::{Canaries, TextForm};

/// Place of a planted canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// File in the data folder.
    File,
    /// Row of the database: the name of a browser.
    Database,
    /// Line of the log.
    Log,
    /// Message of a room that goes on.
    Memory,
    /// File where the kernel would put a core file.
    Core,
}

impl Plant {
    const ALL: [(&str, Self); 5] = [
        ("file", Self::File),
        ("database", Self::Database),
        ("log", Self::Log),
        ("memory", Self::Memory),
        ("core", Self::Core),
    ];

    /// Parses the value of `--plant`.
    pub(super) fn parse(text: &str) -> Result<Self, Expected> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, plant)| *plant).ok_or(Expected(key::CLI_EXPECTED_PLANT))
    }

    /// Puts the canary into a file, for the places that are files: in the folder of a server, or its log.
    pub(super) fn write(self, folder: &Path, log: &Path, canaries: &Canaries) -> io::Result<()> {
        let mark = canaries.mark('p', 'f', TextForm::Planted);
        match self {
            Self::File => fs::write(folder.join("data/planted"), mark),
            Self::Core => fs::write(folder.join(WORK).join("core"), mark),
            Self::Log => writeln!(OpenOptions::new().append(true).open(log)?, "{mark}"),
            Self::Database | Self::Memory => Ok(()),
        }
    }
}
