//! Which settings hold: those of the card's pichat.toml or, where it is broken or missing, the last good ones, else the shipped ones.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigError, Overrides, Problem, Written};
use crate::types::Text;

use super::{Root, WARNING, startable, tell};

/// Where the server keeps its data on the card; pichat.service says so with `--data-dir`.
pub(super) const DATA_DIR: &str = "/var/lib/pichat";
/// The name that errors give the card's file, and its name on the card.
pub(super) const NAME: &str = "pichat.toml";

/// For an image without its shipped file, which is damaged: the server listens all the same.
const LAST_RESORT: &str = "[http]\nlisten = \"[::]:80\"\n[accounts]\nargon2 = \"auto\"\n";

/// Keys that mean nothing on the card: the data lies where the unit says, and elsewhere the server may not even write.
const WITHOUT_EFFECT: [&str; 2] = ["data_dir", "files.dir"];

const ZONE: Text = Text::new(
    "una zona horaria que este equipo conozca, como \"America/Bogota\"; mientras tanto rige UTC",
    "a time zone that this device knows, such as \"America/Bogota\"; meanwhile UTC holds",
);

/// A settings text and what it says.
pub(super) struct Settings {
    pub(super) text: Zeroizing<String>,
    pub(super) config: Config,
}

impl Settings {
    /// Only the text counts: what the environment of whoever calls says is not on the card.
    pub(super) fn parse(text: Zeroizing<String>, name: &Path) -> Result<Self, ConfigError> {
        let overrides = Overrides { data_dir: Some(PathBuf::from(DATA_DIR)), ..Overrides::default() };
        let config = Config::parse(&text, name, &[], overrides)?;
        Ok(Self { text, config })
    }

    /// Reads a file that errors name `name`.
    pub(super) fn read(file: &Path, name: &Path) -> Result<Self, ConfigError> {
        Self::parse(Zeroizing::new(config::read(file, name)?), name)
    }

    /// What the image ships.
    pub(super) fn shipped(root: &Root) -> Result<Self, ConfigError> {
        let file = root.at("usr/share/pichat/pichat.toml");
        Self::read(&file, &file).or_else(|error| {
            tell(WARNING, error.es());
            Self::parse(Zeroizing::new(LAST_RESORT.to_owned()), &file)
        })
    }

    /// What the card says, if a server can be started with it.
    pub(super) fn of_card(root: &Root, file: &Path, shipped: &Self) -> Result<Self, ConfigError> {
        let card = Self::read(file, Path::new(NAME))?;
        card.check(root, shipped)?;
        Ok(card)
    }

    /// Checks that a server can be started with what the card says.
    pub(super) fn check(&self, root: &Root, shipped: &Self) -> Result<(), ConfigError> {
        let (card, name) = (self, Path::new(NAME));
        let written = Written::read(&card.text, name)?;
        // Laid over the shipped file: what it does not name is as shipped, not as in a server that somebody installs.
        let laid = Self::parse(laid_over(&written, None, &shipped.written()?), name).map_err(|error| match error {
            // What is wrong with both together has its place in the card's file, not in the one made of them.
            ConfigError::Value { key, problem, .. } => written.error(key, problem),
            other => other,
        })?;
        startable::check(root, &laid.config, &written)?;
        for key in WITHOUT_EFFECT.into_iter().filter(|key| written.value(key).is_some()) {
            let text = Text::new("en la tarjeta no tiene efecto", "has no effect on the card");
            tell(WARNING, format_args!("{}: {key}: {}", written.place(key).text(Default::default()), text.es));
        }
        Ok(())
    }

    /// The values of the text.
    pub(super) fn written(&self) -> Result<Written<'_>, ConfigError> {
        Written::read(&self.text, Path::new(NAME))
    }

    /// The error about a time zone that is not below zoneinfo; none where it is. UTC needs no file.
    pub(super) fn unknown_zone(&self, root: &Root) -> Option<ConfigError> {
        let zone = &self.config.device.time_zone;
        let known = || startable::begins_with(&root.at("usr/share/zoneinfo").join(zone), b"TZif");
        let error = |written: Written<'_>| written.error("device.time_zone", Problem::form(zone, ZONE));
        if zone == "UTC" || known() { None } else { self.written().ok().map(error) }
    }
}

/// The server's settings: each key as the card gives it, else as shipped. Without what has no effect, without the Wi-Fi password, which
/// is none of the server's business, and with the claim's hash that is `kept` where the card names none any more.
pub(super) fn laid_over(card: &Written<'_>, kept: Option<&str>, shipped: &Written<'_>) -> Zeroizing<String> {
    config::compose(|key| match key {
        "wifi.password" => None,
        key if WITHOUT_EFFECT.contains(&key) => None,
        "claim.admin_password_hash" if kept.is_some() => kept,
        key => card.value(key).or_else(|| shipped.value(key)),
    })
}
