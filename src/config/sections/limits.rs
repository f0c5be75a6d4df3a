//! `[limits]`: every limit that the operator may change, one row each.

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::source::setting_source::SettingSource;
use crate::types::MAX_TEXT_CHARS;

/// Rates, bursts and delays: no machine reaches 10⁹ a minute, and 10⁹ seconds (31 years) fit every clock.
pub const RATE_CEILING: u32 = 1_000_000_000;
/// Rooms. Full rooms need 1024 × 64 (default ring) × 1000 (default text) × 4 bytes = 250 MiB. With ring and
/// text raised too: 1024 × 256 × 4000 × 4 bytes = 4 GiB, so raise one at a time.
pub const ROOMS_CEILING: usize = 1024;
/// Sockets in one room: one message is pushed into at most 1024 send queues, which share one buffer.
pub const ROOM_MEMBERS_CEILING: usize = 1024;
/// Rooms of one socket: 16384 sockets × 32 rooms = 524,288 memberships of about 100 bytes = 50 MiB.
pub const ROOMS_PER_SOCKET_CEILING: usize = 32;
/// Messages in a room's ring: 256 × 1000 characters × 4 bytes = 1 MiB per room.
pub const ROOM_RING_CEILING: usize = 1000;
/// Connections, and sockets of one address or session: 16384 × about 20 KiB of buffers and task = 320 MiB,
/// and under the 20,000 file descriptors of the unit. Send queues (256 KiB each) are added only for slow
/// clients.
pub const CONNECTIONS_CEILING: usize = 16_384;
/// Sessions: 16384 × about 300 bytes = 5 MiB.
pub const SESSIONS_CEILING: usize = 16_384;
/// Stored files: 100,000 records of about 500 bytes = 50 MB of database, and a list that browsers can handle.
pub const FILES_CEILING: usize = 100_000;

/// Minimum size limit of a client's frame: 16 KiB, so that a long room password or unusual escapes are not
/// closed with 1009.
const LEAST_FRAME_BYTES: usize = 16 * 1024;
/// Bytes of a character outside the BMP, escaped in JSON as two `\uXXXX`.
const ESCAPED_CHAR_BYTES: usize = 12;
/// Bytes of the frame around the text: type, ref, room, punctuation.
const FRAME_OVERHEAD_BYTES: usize = 1024;

/// Defines the raw field, the checked field, the default and the range of each limit.
macro_rules! limits {
    ($($name:ident: $type:ty = $default:literal, up to $ceiling:ident, $doc:path;)*) => {
        /// Settings of `[limits]`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct LimitSettings {
            $(
                #[doc = concat!("`limits.", stringify!($name), "`, documented in `docs/LIMITS.md`.")]
                pub $name: $type,
            )*
        }

        impl Default for LimitSettings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// `[limits]` before its values are checked.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::config) struct RawLimits {
            $($name: Option<Spanned<i128>>,)*
        }

        impl RawLimits {
            pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<LimitSettings, ConfigError> {
                Ok(LimitSettings {
                    $($name: origin.number(
                        concat!("limits.", stringify!($name)),
                        self.$name.as_ref(),
                        1..=$ceiling,
                        $default,
                    )?,)*
                })
            }
        }
    };
}

/// Passes the rows of all limits to another macro: this file makes the fields of them, `settings` the keys.
macro_rules! limit_rows {
    ($rows:ident) => {
        $rows! {
            logins_per_minute: u32 = 10, up to RATE_CEILING, key::SETTING_LIMITS_LOGINS_PER_MINUTE;
            login_failures: u32 = 5, up to RATE_CEILING, key::SETTING_LIMITS_LOGIN_FAILURES;
            lockout_seconds: u32 = 900, up to RATE_CEILING, key::SETTING_LIMITS_LOCKOUT_SECONDS;
            uploads_per_minute: u32 = 5, up to RATE_CEILING, key::SETTING_LIMITS_UPLOADS_PER_MINUTE;
            upload_burst: u32 = 60, up to RATE_CEILING, key::SETTING_LIMITS_UPLOAD_BURST;
            downloads_per_minute: u32 = 10, up to RATE_CEILING, key::SETTING_LIMITS_DOWNLOADS_PER_MINUTE;
            download_burst: u32 = 120, up to RATE_CEILING, key::SETTING_LIMITS_DOWNLOAD_BURST;
            deletes_per_minute: u32 = 5, up to RATE_CEILING, key::SETTING_LIMITS_DELETES_PER_MINUTE;
            delete_burst: u32 = 200, up to RATE_CEILING, key::SETTING_LIMITS_DELETE_BURST;
            requests_per_minute: u32 = 600, up to RATE_CEILING, key::SETTING_LIMITS_REQUESTS_PER_MINUTE;
            request_burst: u32 = 200, up to RATE_CEILING, key::SETTING_LIMITS_REQUEST_BURST;
            messages_per_minute: u32 = 60, up to RATE_CEILING, key::SETTING_LIMITS_MESSAGES_PER_MINUTE;
            message_burst: u32 = 20, up to RATE_CEILING, key::SETTING_LIMITS_MESSAGE_BURST;
            joins_per_minute: u32 = 30, up to RATE_CEILING, key::SETTING_LIMITS_JOINS_PER_MINUTE;
            message_chars: usize = 4000, up to MAX_TEXT_CHARS, key::SETTING_LIMITS_MESSAGE_CHARS;
            rooms: usize = 256, up to ROOMS_CEILING, key::SETTING_LIMITS_ROOMS;
            rooms_per_user: usize = 16, up to ROOMS_CEILING, key::SETTING_LIMITS_ROOMS_PER_USER;
            room_members: usize = 256, up to ROOM_MEMBERS_CEILING, key::SETTING_LIMITS_ROOM_MEMBERS;
            rooms_per_socket: usize = 16, up to ROOMS_PER_SOCKET_CEILING, key::SETTING_LIMITS_ROOMS_PER_SOCKET;
            room_ring: usize = 1000, up to ROOM_RING_CEILING, key::SETTING_LIMITS_ROOM_RING;
            connections: usize = 2048, up to CONNECTIONS_CEILING, key::SETTING_LIMITS_CONNECTIONS;
            connections_per_address: usize = 512, up to CONNECTIONS_CEILING, key::SETTING_LIMITS_CONNECTIONS_PER_ADDRESS;
            sockets_per_session: usize = 16, up to CONNECTIONS_CEILING, key::SETTING_LIMITS_SOCKETS_PER_SESSION;
            sessions: usize = 1024, up to SESSIONS_CEILING, key::SETTING_LIMITS_SESSIONS;
            sessions_per_user: usize = 16, up to SESSIONS_CEILING, key::SETTING_LIMITS_SESSIONS_PER_USER;
            files: usize = 10_000, up to FILES_CEILING, key::SETTING_LIMITS_FILES;
        }
    };
}
pub(in crate::config) use limit_rows;

limit_rows!(limits);

impl LimitSettings {
    /// Returns the maximum bytes of a frame from a client: the longest text fits with every character
    /// escaped.
    pub fn frame_bytes(&self) -> usize {
        LEAST_FRAME_BYTES.max(ESCAPED_CHAR_BYTES * self.message_chars + FRAME_OVERHEAD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_limit_fits_the_longest_escaped_text() {
        let frame = |message_chars| LimitSettings { message_chars, ..LimitSettings::default() }.frame_bytes();
        assert_eq!(frame(1000), 16_384);
        assert_eq!(frame(1281), 16_396);
        assert_eq!(frame(4000), 49_024);
    }

    #[test]
    fn ceilings_match_the_document() {
        assert_eq!((ROOMS_CEILING, ROOM_MEMBERS_CEILING, ROOMS_PER_SOCKET_CEILING), (1024, 1024, 32));
        assert_eq!((ROOM_RING_CEILING, CONNECTIONS_CEILING, SESSIONS_CEILING), (1000, 16_384, 16_384));
    }
}
