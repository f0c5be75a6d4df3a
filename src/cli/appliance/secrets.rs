//! Moves secrets from the card's file, which any computer can read, to secrets.toml, which only root can read
//! and which is a settings text itself.

use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::config::{Changes, Config, ConfigError, WifiPassword, WifiSettings, render};
use crate::types::Lang;

use super::effective_settings::{NAME, Settings};
use super::partition::Partition;
use super::report::{Steps, WARNING, tell};
use super::root::Root;

/// Comment that replaces a secret on the card.
const NOTE: &str = "importada / imported";

pub(super) const PASSWORD: &str = "wifi.password";
pub(super) const HASH: &str = "claim.admin_password_hash";

/// Secrets that earlier boots took from the card.
pub(super) struct Kept {
    file: PathBuf,
    settings: Option<Settings>,
}

impl Kept {
    pub(super) fn read(root: &Root) -> Self {
        let file = root.at("data/pichat/secrets.toml");
        let settings = match Settings::read(&file, &file) {
            Ok(settings) => Some(settings),
            Err(ConfigError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                // A damaged file counts as none: the secrets must be put on the card again.
                tell(WARNING, error.text(Lang::default()));
                None
            }
        };
        Self { file, settings }
    }

    /// Returns the password of this network: the card's own, else the one kept for the network of that name.
    pub(super) fn password<'a>(&'a self, wifi: &'a WifiSettings) -> Option<&'a WifiPassword> {
        let kept = self.settings.as_ref().map(|kept| &kept.config.wifi).filter(|kept| kept.ssid == wifi.ssid);
        wifi.password.as_ref().or_else(|| kept?.password.as_ref())
    }

    /// Returns the claim's hash as it was written, if the card has none.
    pub(super) fn hash(&self, card: &Config) -> Option<&str> {
        let kept = self.settings.as_ref().filter(|kept| kept.config.claim.admin_password_hash.is_some());
        let kept = kept.filter(|_| card.claim.admin_password_hash.is_none())?;
        kept.written().ok()?.value(HASH)
    }

    /// Takes the secrets from the card's file. Each step is on the disk before the next begins. After a power
    /// cut at any moment at least one of both files has them, and the next boot continues:
    ///
    /// 1. secrets.toml.NEW is written and synced: the card still has them.
    /// 2. It is renamed to secrets.toml and the folder is synced: both have them, and the same ones.
    /// 3. pichat.toml.NEW, without them, is written to the card and synced: both still have them.
    /// 4. It is renamed to pichat.toml and the folder is synced: only secrets.toml has them.
    /// 5. The old file's sectors, which belong to no file now, are filled with zeros.
    ///
    /// The next boot overwrites what is left of steps 1 or 3.
    pub(super) fn import(&self, card: &Settings, partition: &Partition, steps: &mut Steps) {
        let wifi = card.config.wifi.password.is_some();
        let hash = card.config.claim.admin_password_hash.is_some();
        if !wifi && !hash {
            return;
        }
        let kept = self.keep(card, wifi, hash);
        let done = kept.is_ok();
        steps.took(&self.file, kept);
        if done {
            steps.took(&partition.at(NAME), clear(card, partition));
        }
    }

    /// Carries out steps 1 and 2.
    fn keep(&self, card: &Settings, wifi: bool, hash: bool) -> io::Result<()> {
        let before = self.settings.as_ref().map(Settings::written).transpose().map_err(io::Error::other)?;
        let before = |key| before.as_ref().and_then(|before| before.value(key));
        let card_written = card.written().map_err(io::Error::other)?;
        let text = render(|key| match key {
            "wifi.ssid" | PASSWORD if wifi => card_written.value(key),
            HASH if hash => card_written.value(key),
            "wifi.ssid" | PASSWORD | HASH => before(key),
            _ => None,
        });
        // A text that cannot be read back was not kept.
        let again = Settings::parse(text, &self.file).map_err(io::Error::other)?;
        let same_wifi = again.config.wifi.ssid == card.config.wifi.ssid
            && again.config.wifi.password == card.config.wifi.password;
        let same_hash = again.config.claim.admin_password_hash == card.config.claim.admin_password_hash;
        if (wifi && !same_wifi) || (hash && !same_hash) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if self.settings.as_ref().is_some_and(|kept| kept.text == again.text) {
            return Ok(());
        }
        self.file.parent().map_or(Ok(()), |folder| atomic_file::folder(folder, 0o700))?;
        atomic_file::replace(&self.file, again.text.as_bytes(), Some(0o600))
    }
}

/// Carries out steps 3 and 4.
fn clear(card: &Settings, partition: &Partition) -> io::Result<()> {
    let written = card.written().map_err(io::Error::other)?;
    let keys = [PASSWORD, HASH];
    // The note is optional. If another value begins on the same line and ends on a later one, the note would
    // stand inside that value.
    let cleared = [Some(NOTE), None].into_iter().find_map(|note| {
        let cleared = Settings::parse(written.cleared(&keys, note), Path::new(NAME)).ok()?;
        let Changes { live, restart } = card.config.compare(&cleared.config);
        let secret =
            cleared.config.wifi.password.is_some() || cleared.config.claim.admin_password_hash.is_some();
        (!secret && live.is_empty() && restart.iter().all(|key| keys.contains(key))).then_some(cleared)
    });
    let cleared = cleared.ok_or(io::ErrorKind::InvalidData)?;
    partition.replace_secret(NAME, cleared.text.as_bytes())
}
