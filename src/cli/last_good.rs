//! Copy of the last good settings file in the data folder, for the case that the file is broken at a later
//! start.

use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::config::{ConfigError, MAX_FILE_BYTES};
use crate::private_file;

use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::print::warn;

/// Name of the copy, here and on the card.
pub(super) const FILE: &str = "pichat.toml.last-good";

/// Keeps `text`, unless the copy holds it already. A copy that cannot be written does not stop the server.
pub(super) fn keep(data_dir: &Path, text: &str) {
    let file = data_dir.join(FILE);
    let there = private_file::read_key(&file, MAX_FILE_BYTES + 1).ok().flatten();
    if there.is_some_and(|there| there.as_slice() == text.as_bytes()) {
        return;
    }
    if let Err(error) = atomic_file::replace(&file, text.as_bytes(), Some(0o600)) {
        warn(format_args!("{}: {error}", file.display()));
    }
}

/// Returns the failure of a start with a broken file; it names the copy if there is one.
pub(super) fn explain(error: ConfigError, source: &ConfigSource, flags: Flags) -> Failure {
    match source.config.as_deref().and_then(|file| copy(file, source, flags)) {
        Some(kept) => Failure::BrokenWithLastGood { error: Box::new(error), kept },
        None => Failure::Config(error),
    }
}

/// Finds the copy in the data folder of the settings, as far as a broken file can be parsed.
fn copy(file: &Path, source: &ConfigSource, flags: Flags) -> Option<PathBuf> {
    let text = private_file::text(file, MAX_FILE_BYTES).unwrap_or_default();
    let own = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with('['))
        .find(|line| line.starts_with("data_dir"));
    let config = source.parse(own.unwrap_or_default(), flags).or_else(|_| source.parse("", flags)).ok()?;
    let kept = config.data_dir.join(FILE);
    matches!(private_file::open(&kept), Ok(Some(_))).then_some(kept)
}
