//! Effective settings: the card's pichat.toml or, if it is broken or missing, the last good one, else the
//! shipped one.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigError, Overrides, SettingProblem, TomlEditor};
use crate::types::Lang;
use crate::types::texts::{Key, key};

use super::preflight;
use super::report::{WARNING, tell};
use super::root::{DATA_DIR, Root};

/// Name of the card's file, on the card and in errors.
pub(super) const NAME: &str = "pichat.toml";

/// Settings for a damaged image without its shipped file, so that the server still listens.
const LAST_RESORT: &str = "[http]\nlisten = \"[::]:80\"\n[accounts]\nargon2 = \"auto\"\n";

/// Keys without effect on the card: the unit sets the data folder, and the server cannot write elsewhere.
const WITHOUT_EFFECT: [&str; 2] = ["data_dir", "files.dir"];

const ZONE: Key = key::CONFIG_ALLOWED_TIME_ZONE_FILE;

/// Settings with their text.
pub(super) struct Settings {
    pub(super) text: Zeroizing<String>,
    pub(super) config: Config,
}

impl Settings {
    /// Parses a text. The environment is ignored, because it is not on the card.
    pub(super) fn parse(text: Zeroizing<String>, name: &Path) -> Result<Self, ConfigError> {
        let overrides = Overrides { data_dir: Some(PathBuf::from(DATA_DIR)), ..Overrides::default() };
        let config = Config::parse(&text, name, &[], overrides)?;
        Ok(Self { text, config })
    }

    /// Reads a file; errors name it `name`.
    pub(super) fn read(file: &Path, name: &Path) -> Result<Self, ConfigError> {
        Self::parse(Zeroizing::new(config::read(file, name)?), name)
    }

    /// Returns the settings that the image ships.
    pub(super) fn shipped(root: &Root) -> Result<Self, ConfigError> {
        let file = root.at("usr/share/pichat/pichat.toml");
        Self::read(&file, &file).or_else(|error| {
            tell(WARNING, error.text(Lang::default()));
            Self::parse(Zeroizing::new(LAST_RESORT.to_owned()), &file)
        })
    }

    /// Returns the card's settings, if a server can start with them.
    pub(super) fn of_card(root: &Root, file: &Path, shipped: &Self) -> Result<Self, ConfigError> {
        let card = Self::read(file, Path::new(NAME))?;
        card.check(root, shipped)?;
        Ok(card)
    }

    /// Checks that a server can start with the card's settings.
    pub(super) fn check(&self, root: &Root, shipped: &Self) -> Result<(), ConfigError> {
        let (card, name) = (self, Path::new(NAME));
        let written = TomlEditor::read(&card.text, name)?;
        // Merged with the shipped file: a key that the card leaves out has the shipped value, not the
        // built-in default.
        let laid =
            Self::parse(laid_over(&written, None, &shipped.written()?), name).map_err(
                |error| match error {
                    // An error of the merged text has its place in the card's file.
                    ConfigError::Value { key, problem, .. } => written.error(key, problem),
                    other => other,
                },
            )?;
        preflight::check(root, &laid.config, &written)?;
        for key in WITHOUT_EFFECT.into_iter().filter(|key| written.value(key).is_some()) {
            let place = written.place(key).text(card.config.device.language);
            let text = key::CLI_APPLIANCE_NO_EFFECT
                .fill(card.config.device.language, &[("place", &place), ("key", &key)]);
            tell(WARNING, text);
        }
        Ok(())
    }

    /// Returns the values of the text.
    pub(super) fn written(&self) -> Result<TomlEditor<'_>, ConfigError> {
        TomlEditor::read(&self.text, Path::new(NAME))
    }

    /// Returns the error about a time zone that is not below zoneinfo; `None` if it is. UTC needs no file.
    pub(super) fn unknown_zone(&self, root: &Root) -> Option<ConfigError> {
        let zone = &self.config.device.time_zone;
        let known = || preflight::begins_with(&root.at("usr/share/zoneinfo").join(zone), b"TZif");
        let error =
            |written: TomlEditor<'_>| written.error("device.time_zone", SettingProblem::form(zone, ZONE));
        if zone == "UTC" || known() { None } else { self.written().ok().map(error) }
    }
}

/// Merges the server's settings: each key as the card sets it, else as shipped. Leaves out keys without
/// effect and the Wi-Fi password, which the server must not have. Adds the kept claim hash if the card no
/// longer has one.
pub(super) fn laid_over(
    card: &TomlEditor<'_>,
    kept: Option<&str>,
    shipped: &TomlEditor<'_>,
) -> Zeroizing<String> {
    config::render(|key| match key {
        "wifi.password" => None,
        key if WITHOUT_EFFECT.contains(&key) => None,
        "claim.admin_password_hash" if kept.is_some() => kept,
        key => card.value(key).or_else(|| shipped.value(key)),
    })
}
