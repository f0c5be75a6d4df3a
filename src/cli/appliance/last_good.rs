//! Copy of the card's last good pichat.toml, without its secrets. If the card's file is broken, host name,
//! network and server stay as they were: another name would be another address and need another certificate
//! on all phones.

use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::cli::last_good::FILE;
use crate::config::{ConfigError, MAX_FILE_BYTES, TomlEditor};
use crate::private_file;
use crate::types::Lang;

use super::effective_settings::{NAME, Settings};
use super::report::{Steps, WARNING, tell};
use super::root::Root;
use super::secrets::{HASH, PASSWORD};

/// The copy. Only root can write its folder: in the server's own folder, a compromised server could plant
/// settings for root.
pub(super) struct LastGood {
    file: PathBuf,
}

impl LastGood {
    pub(super) fn of(root: &Root) -> Self {
        Self { file: root.at("data/pichat").join(FILE) }
    }

    /// Reads the copy; `None` if there is none that parses.
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
        settings.inspect_err(|error| tell(WARNING, error.text(Lang::default()))).ok()
    }

    /// Keeps the card's settings, with their secrets cleared as on the card.
    pub(super) fn keep(&self, card: &Settings, steps: &mut Steps) {
        let Ok(text) = without_secrets(card) else { return };
        let there = private_file::read_key(&self.file, MAX_FILE_BYTES + 1).ok().flatten();
        if there.is_some_and(|there| there.as_slice() == text.as_bytes()) {
            return;
        }
        let folder = self.file.parent().map_or(Ok(()), |folder| atomic_file::folder(folder, 0o700));
        steps.took(
            &self.file,
            folder.and_then(|()| atomic_file::replace(&self.file, text.as_bytes(), Some(0o600))),
        );
    }
}

fn without_secrets(card: &Settings) -> Result<zeroize::Zeroizing<String>, ConfigError> {
    let written = TomlEditor::read(&card.text, Path::new(NAME))?;
    Ok(written.cleared(&[PASSWORD, HASH], None))
}
