//! `[chat]`: life of messages and of rooms in which no one is, and the memory of messages.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::source::setting_source::SettingSource;

/// Settings of `[chat]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSettings {
    /// Messages of a room without a socket are wiped after this long.
    pub wipe: Duration,
    /// A room without a socket ends after this long.
    pub empty_room: Duration,
    /// Memory of all messages in bytes.
    pub memory: usize,
}

/// An hour: a phone sleeps through lunch.
const WIPE_MINUTES: u64 = 60;
/// Three days.
const WIPE_MINUTES_CEILING: u64 = 3 * 24 * 60;
/// A long weekend.
const EMPTY_ROOM_HOURS: u64 = 72;
/// Thirty days.
const EMPTY_ROOM_HOURS_CEILING: u64 = 30 * 24;
/// About 40,000 messages of 300 bytes with 100 of bookkeeping.
const CHAT_MEMORY_MIB: u64 = 16;
const CHAT_MEMORY_MIB_CEILING: u64 = 256;

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            wipe: Duration::from_secs(WIPE_MINUTES * 60),
            empty_room: Duration::from_secs(EMPTY_ROOM_HOURS * 3600),
            memory: mebibytes(CHAT_MEMORY_MIB),
        }
    }
}

fn mebibytes(count: u64) -> usize {
    usize::try_from(count << 20).unwrap_or(usize::MAX)
}

/// `[chat]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawChat {
    wipe_minutes: Option<Spanned<i128>>,
    empty_room_hours: Option<Spanned<i128>>,
    chat_memory_mib: Option<Spanned<i128>>,
}

impl RawChat {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<ChatSettings, ConfigError> {
        let number =
            |path, value: &Option<_>, range, default| origin.number(path, value.as_ref(), range, default);
        let wipe: u64 =
            number("chat.wipe_minutes", &self.wipe_minutes, 0..=WIPE_MINUTES_CEILING, WIPE_MINUTES)?;
        let empty_room = number(
            "chat.empty_room_hours",
            &self.empty_room_hours,
            1..=EMPTY_ROOM_HOURS_CEILING,
            EMPTY_ROOM_HOURS,
        )?;
        let memory = number(
            "chat.chat_memory_mib",
            &self.chat_memory_mib,
            1..=CHAT_MEMORY_MIB_CEILING,
            CHAT_MEMORY_MIB,
        )?;
        Ok(ChatSettings {
            wipe: Duration::from_secs(wipe * 60),
            empty_room: Duration::from_secs(empty_room * 3600),
            memory: mebibytes(memory),
        })
    }
}
