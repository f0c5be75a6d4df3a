//! The last good pichat.toml of the card, kept whole but for its secrets. Where the card's file is broken, host name, network and server
//! stay as they were: another name would be another address, and another certificate for all phones.

use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::cli::last_good::FILE;
use crate::config::{ConfigError, MAX_FILE_BYTES, Written};
use crate::private_file;

use super::chosen::{NAME, Settings};
use super::secrets::{HASH, PASSWORD};
use super::{Root, Steps, WARNING, tell};

/// The copy. It lies where root alone writes: in the server's own folder, a server that was taken over could leave settings for root.
pub(super) struct LastGood {
    file: PathBuf,
}

impl LastGood {
    pub(super) fn of(root: &Root) -> Self {
        Self { file: root.at("data/pichat").join(FILE) }
    }

    /// The copy; none where there is none that can be understood.
    pub(super) fn read(&self) -> Option<Settings> {
        let bytes = match private_file::read_key(&self.file, MAX_FILE_BYTES) {
            Ok(bytes) => bytes?,
            Err(error) => {
                tell(WARNING, error);
                return None;
            }
        };
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        let settings = Settings::parse(text.into(), &self.file);
        settings.inspect_err(|error| tell(WARNING, error.es())).ok()
    }

    /// Keeps what the card says, with its secrets emptied as on the card.
    pub(super) fn keep(&self, card: &Settings, steps: &mut Steps) {
        let Ok(text) = without_secrets(card) else { return };
        let there = private_file::read_key(&self.file, MAX_FILE_BYTES + 1).ok().flatten();
        if there.is_some_and(|there| there.as_slice() == text.as_bytes()) {
            return;
        }
        let folder = self.file.parent().map_or(Ok(()), |folder| atomic_file::folder(folder, 0o700));
        steps.took(&self.file, folder.and_then(|()| atomic_file::replace(&self.file, text.as_bytes(), Some(0o600))));
    }
}

fn without_secrets(card: &Settings) -> Result<zeroize::Zeroizing<String>, ConfigError> {
    let written = Written::read(&card.text, Path::new(NAME))?;
    Ok(written.emptied(&[PASSWORD, HASH], None))
}
