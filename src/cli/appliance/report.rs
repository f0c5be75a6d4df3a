//! Reports of the steps, for the journal.

use std::io;
use std::path::Path;

use crate::cli::exit::Failure;
use crate::types::printable;

/// Severity prefixes of sd-daemon(3), which the journal strips from a line.
pub(super) const ERROR: &str = "<3>";

pub(super) const WARNING: &str = "<4>";

/// Prints one line for the journal.
#[allow(clippy::print_stderr, reason = "the journal reads it")]
pub(super) fn tell(severity: &str, text: impl std::fmt::Display) {
    eprintln!("{severity}{}", printable(&text.to_string()));
}

/// Runs all steps, even after one has failed. The command ends with the first failure.
#[derive(Default)]
pub(super) struct Steps(Option<Failure>);

impl Steps {
    /// Records the outcome of one step.
    pub(super) fn took(&mut self, path: &Path, outcome: io::Result<()>) {
        if let Err(cause) = outcome {
            tell(ERROR, format_args!("{}: {cause}", path.display()));
            self.0.get_or_insert(Failure::Appliance { path: path.to_owned(), cause });
        }
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        self.0.map_or(Ok(()), Err)
    }
}
