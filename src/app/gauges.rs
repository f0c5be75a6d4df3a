//! Converts the settings to the structs of the services.

use std::time::Duration;

use crate::accounts::SessionLimits;
use crate::audit::Event;
use crate::chat::ChatLimits;
use crate::config::Config;
use crate::limits::{RateSettings, SignInSettings};

/// Typing notices per minute of one user (`docs/LIMITS.md`).
const TYPING_PER_MINUTE: u32 = 30;

pub(super) fn session_limits(config: &Config) -> SessionLimits {
    SessionLimits {
        total: config.limits.sessions,
        per_user: config.limits.sessions_per_user,
        idle: config.accounts.session_idle,
        life: config.accounts.session_life,
        remembered_life: config.accounts.remembered_life,
    }
}

pub(super) fn rate_settings(config: &Config) -> RateSettings {
    let l = &config.limits;
    RateSettings {
        requests_per_minute: l.requests_per_minute,
        request_burst: l.request_burst,
        uploads_per_minute: l.uploads_per_minute,
        upload_burst: l.upload_burst,
        downloads_per_minute: l.downloads_per_minute,
        download_burst: l.download_burst,
        deletes_per_minute: l.deletes_per_minute,
        delete_burst: l.delete_burst,
        messages_per_minute: l.messages_per_minute,
        message_burst: l.message_burst,
        joins_per_minute: l.joins_per_minute,
        typing_per_minute: TYPING_PER_MINUTE,
    }
}

pub(super) fn sign_in_settings(config: &Config) -> SignInSettings {
    SignInSettings {
        logins_per_minute: config.limits.logins_per_minute,
        login_failures: config.limits.login_failures,
        lockout: Duration::from_secs(config.limits.lockout_seconds.into()),
    }
}

pub(super) fn chat_limits(config: &Config) -> ChatLimits {
    ChatLimits {
        rooms: config.limits.rooms,
        rooms_per_user: config.limits.rooms_per_user,
        rooms_per_session: config.limits.rooms_per_socket,
        members: config.limits.room_members,
        ring: config.limits.room_ring,
        memory: config.chat.memory,
        wipe: config.chat.wipe,
        empty: config.chat.empty_room,
        asleep: config.limits.sessions,
    }
}

/// Returns an event for each retired key of the settings.
pub(super) fn retired(config: &Config) -> Vec<Event> {
    let event = |used: &crate::config::RetiredUse| Event::SettingsRetired {
        key: used.key.path,
        replaced_by: used.key.replaced_by.unwrap_or("none"),
    };
    config.retired.iter().map(event).collect()
}
