//! Root folder of the system, and paths below it.

use std::path::{Path, PathBuf};

use clap::Args;

/// Data folder of the server on the card; pichat.service passes it with `--data-dir`.
pub(super) const DATA_DIR: &str = "/var/lib/pichat";

/// Root of the system's files.
#[derive(Args)]
pub(crate) struct Root {
    #[arg(long = "root", value_name = "DIR", default_value = "/")]
    pub(super) dir: PathBuf,
}

impl Root {
    /// Returns a path of the card, absolute or not, below the root.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.join(path.as_ref().strip_prefix("/").unwrap_or(path.as_ref()))
    }
}
