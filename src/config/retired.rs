//! Keys that were settings in earlier versions. A file that names them is accepted; they are ignored and
//! reported.

use std::fmt;

use crate::config::span::Span;
use crate::types::Lang;
use crate::types::texts::{Key, key};

/// Key that no longer has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Table and key.
    pub path: &'static str,
    /// Version in which it lost its effect.
    pub since: &'static str,
    /// Setting that replaced it, if any.
    pub replaced_by: Option<&'static str>,
    /// Reason, as a clause.
    pub why: Key,
}

/// All retired keys. A setting that is removed gets a row here in the same commit, for as long as cards with
/// such files exist.
pub(super) const RETIRED: &[Retired] = &[
    Retired {
        path: "chat.resume_grace_seconds",
        since: "0.1.0",
        replaced_by: None,
        why: key::CONFIG_RETIRED_RESUME_GRACE,
    },
    Retired {
        path: "chat.empty_room_minutes",
        since: "0.1.0",
        replaced_by: Some("chat.empty_room_hours"),
        why: key::CONFIG_RETIRED_EMPTY_ROOM,
    },
];

/// Use of a retired key in a file or in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredUse {
    /// Span of the key.
    pub place: Span,
    /// The retired key.
    pub key: &'static Retired,
}

impl Retired {
    /// Returns the environment variable of the key.
    pub(super) fn variable(&self) -> String {
        format!("PICHAT_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    pub(super) fn find(table: &'static [Self], path: &str) -> Option<&'static Self> {
        table.iter().find(|retired| retired.path == path)
    }
}

impl RetiredUse {
    /// Returns the report in one line.
    pub fn text(&self, lang: Lang) -> String {
        let Retired { path, since, replaced_by, why } = self.key;
        let (place, why) = (self.place.text(lang), why.get(lang));
        let other = replaced_by.unwrap_or_default();
        let text = if replaced_by.is_some() { key::CONFIG_RETIRED_REPLACED } else { key::CONFIG_RETIRED };
        let values: [(_, &dyn fmt::Display); 5] =
            [("place", &place), ("path", path), ("since", since), ("why", &why), ("other", &other)];
        text.fill(lang, &values)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError, Overrides, settings};
    use std::path::Path;

    const OLD: &[Retired] = &[
        Retired {
            path: "limits.old_rate",
            since: "0.2.0",
            replaced_by: Some("limits.joins_per_minute"),
            why: key::PROBLEM_ROOMS_FULL,
        },
        Retired { path: "old_folder", since: "0.2.0", replaced_by: None, why: key::PROBLEM_BUSY },
    ];

    fn parse(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::parse_with(text, Path::new("pichat.toml"), &env, Overrides::default(), OLD)
    }

    #[test]
    fn retired_keys_are_ignored_and_reported() {
        let config = parse(
            "old_folder = [1]\n[limits]\nrooms = 7\nold_rate = \"x\"\n",
            &[("PICHAT_OLD_FOLDER", "x"), ("PICHAT_LIMITS_OLD_RATE", "9")],
        )
        .unwrap();
        assert_eq!(config.limits.rooms, 7, "other keys apply");
        let told: Vec<_> = config.retired.iter().map(|used| used.text(Lang::En)).collect();
        assert_eq!(
            told,
            [
                "pichat.toml:1:1: old_folder has had no effect since version 0.2.0: PiChat is very busy",
                "pichat.toml:4:1: limits.old_rate has had no effect since version 0.2.0: No more rooms fit; \
                 there is limits.joins_per_minute now",
                "environment variable PICHAT_LIMITS_OLD_RATE: limits.old_rate has had no effect since version 0.2.0: \
                 No more rooms fit; there is limits.joins_per_minute now",
                "environment variable PICHAT_OLD_FOLDER: old_folder has had no effect since version 0.2.0: PiChat is very busy",
            ]
        );
        assert!(config.retired[1].text(Lang::Es).contains("ya no tiene efecto desde la versión 0.2.0"));
        assert!(
            Config::defaults().compare(&Config { limits: Config::defaults().limits, ..config }).is_empty()
        );
    }

    #[test]
    fn unknown_key_beside_retired_keys_is_an_error() {
        assert!(matches!(parse("[limits]\nold_rat = 1\n", &[]), Err(ConfigError::UnknownKey { .. })));
        assert!(matches!(
            parse("", &[("PICHAT_LIMITS_OLD_RAT", "1")]),
            Err(ConfigError::UnknownVariable { .. })
        ));
        let both = parse("[limits]\nold_rate = 1\nrooms = \"x\"\n", &[]);
        assert!(
            matches!(both, Err(ConfigError::Value { key: "limits.rooms", .. })),
            "it hides no other fault"
        );
    }

    #[test]
    fn retired_keys_do_not_clash_with_settings() {
        for retired in RETIRED.iter().chain(OLD) {
            assert!(settings().all(|setting| setting.path != retired.path), "{}", retired.path);
            let other = retired.replaced_by;
            assert!(
                other.is_none_or(|other| settings().any(|setting| setting.path == other)),
                "{}",
                retired.path
            );
        }
    }
}
