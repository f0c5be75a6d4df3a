//! `[chat]`: lifetime of empty rooms and of seats of lost connections.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::source::setting_source::SettingSource;

/// Settings of `[chat]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSettings {
    /// An empty room keeps its code and password for this long.
    pub empty_room: Duration,
    /// A lost connection keeps its seat for this long; `resume` works within it.
    pub resume_grace: Duration,
}

const EMPTY_ROOM_MINUTES: u64 = 10;
/// One day.
const EMPTY_ROOM_MINUTES_CEILING: u64 = 24 * 60;
const RESUME_GRACE_SECONDS: u64 = 30;
/// Five minutes; a lost member looks present to others for that long.
const RESUME_GRACE_SECONDS_CEILING: u64 = 5 * 60;

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            empty_room: Duration::from_secs(EMPTY_ROOM_MINUTES * 60),
            resume_grace: Duration::from_secs(RESUME_GRACE_SECONDS),
        }
    }
}

/// `[chat]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawChat {
    empty_room_minutes: Option<Spanned<i128>>,
    resume_grace_seconds: Option<Spanned<i128>>,
}

impl RawChat {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<ChatSettings, ConfigError> {
        let minutes = origin.number(
            "chat.empty_room_minutes",
            self.empty_room_minutes.as_ref(),
            0..=EMPTY_ROOM_MINUTES_CEILING,
            EMPTY_ROOM_MINUTES,
        )?;
        let seconds = origin.number(
            "chat.resume_grace_seconds",
            self.resume_grace_seconds.as_ref(),
            0..=RESUME_GRACE_SECONDS_CEILING,
            RESUME_GRACE_SECONDS,
        )?;
        Ok(ChatSettings {
            empty_room: Duration::from_secs(minutes * 60),
            resume_grace: Duration::from_secs(seconds),
        })
    }
}
