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
pub const ROOM_RING_CEILING: usize = 256;
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
    ($($name:ident: $type:ty = $default:literal, up to $ceiling:ident, $es:literal, $en:literal;)*) => {
        /// Settings of `[limits]`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct LimitSettings {
            $(#[doc = $en] pub $name: $type,)*
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
            logins_per_minute: u32 = 10, up to RATE_CEILING,
                "Intentos de ingreso fallidos por minuto y dirección.",
                "Failed sign-ins per minute and address.";
            login_failures: u32 = 5, up to RATE_CEILING,
                "Contraseñas erradas seguidas que bloquean una cuenta para una dirección.",
                "Wrong passwords in a row that lock an account for one address.";
            lockout_seconds: u32 = 900, up to RATE_CEILING,
                "Segundos que dura ese bloqueo.",
                "Seconds that this lock lasts.";
            uploads_per_minute: u32 = 5, up to RATE_CEILING,
                "Subidas por minuto y usuario.",
                "Uploads per minute and user.";
            upload_burst: u32 = 60, up to RATE_CEILING,
                "Subidas que pueden venir de golpe: una carpeta de fotos.",
                "Uploads that may come at once: a folder of photos.";
            downloads_per_minute: u32 = 10, up to RATE_CEILING,
                "Descargas por minuto y usuario. Las partes de un mismo archivo cuentan una vez en diez minutos.",
                "Downloads per minute and user. The parts of one file count once within ten minutes.";
            download_burst: u32 = 120, up to RATE_CEILING,
                "Descargas que pueden venir de golpe.",
                "Downloads that may come at once.";
            deletes_per_minute: u32 = 5, up to RATE_CEILING,
                "Borrados por minuto y usuario.",
                "Deletes per minute and user.";
            delete_burst: u32 = 200, up to RATE_CEILING,
                "Borrados que pueden venir de golpe.",
                "Deletes that may come at once.";
            requests_per_minute: u32 = 600, up to RATE_CEILING,
                "Solicitudes por minuto y sesión; sin sesión, por minuto y dirección. Los archivos fijos de las páginas cuentan aparte.",
                "Requests per minute and session; without a session, per minute and address. Static files of the pages count separately.";
            request_burst: u32 = 200, up to RATE_CEILING,
                "Solicitudes que pueden venir de golpe.",
                "Requests that may come at once.";
            messages_per_minute: u32 = 60, up to RATE_CEILING,
                "Mensajes por minuto y usuario.",
                "Messages per minute and user.";
            message_burst: u32 = 20, up to RATE_CEILING,
                "Mensajes que pueden venir de golpe.",
                "Messages that may come at once.";
            joins_per_minute: u32 = 30, up to RATE_CEILING,
                "Entradas a salas por minuto y usuario; volver tras un corte no cuenta.",
                "Joins per minute and user; reconnecting after a cut does not count.";
            message_chars: usize = 1000, up to MAX_TEXT_CHARS,
                "Caracteres de un mensaje; máximo 4000.",
                "Characters of a message; maximum 4000.";
            rooms: usize = 256, up to ROOMS_CEILING,
                "Salas a la vez; máximo 1024.",
                "Rooms at once; maximum 1024.";
            rooms_per_user: usize = 16, up to ROOMS_CEILING,
                "Salas existentes que creó un usuario; máximo 1024.",
                "Existing rooms that one user created; maximum 1024.";
            room_members: usize = 256, up to ROOM_MEMBERS_CEILING,
                "Conexiones en una sala; máximo 1024.",
                "Sockets in one room; maximum 1024.";
            rooms_per_socket: usize = 16, up to ROOMS_PER_SOCKET_CEILING,
                "Salas de una conexión; máximo 32.",
                "Rooms of one socket; maximum 32.";
            room_ring: usize = 64, up to ROOM_RING_CEILING,
                "Mensajes que una sala recuerda para quien se reconecta; máximo 256.",
                "Messages that a room keeps for members who reconnect; maximum 256.";
            connections: usize = 2048, up to CONNECTIONS_CEILING,
                "Conexiones a la vez; máximo 16384.",
                "Connections at once; maximum 16384.";
            connections_per_address: usize = 512, up to CONNECTIONS_CEILING,
                "Conexiones de una dirección sin sesión iniciada, y conexiones de un usuario; máximo 16384.",
                "Connections of one address without a signed-in user, and connections of one user; maximum 16384.";
            sockets_per_session: usize = 16, up to CONNECTIONS_CEILING,
                "Conexiones de chat de una sesión (pestañas abiertas); máximo 16384.",
                "Chat sockets of one session (open tabs); maximum 16384.";
            sessions: usize = 1024, up to SESSIONS_CEILING,
                "Sesiones abiertas; máximo 16384. Al superarlo, termina la que lleva más tiempo sin uso.",
                "Open sessions; maximum 16384. Beyond it, the session unused for longest ends.";
            sessions_per_user: usize = 16, up to SESSIONS_CEILING,
                "Sesiones de un usuario; máximo 16384.",
                "Sessions of one user; maximum 16384.";
            files: usize = 10_000, up to FILES_CEILING,
                "Archivos guardados; máximo 100000.",
                "Files kept; maximum 100000.";
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
        assert_eq!((ROOM_RING_CEILING, CONNECTIONS_CEILING, SESSIONS_CEILING), (256, 16_384, 16_384));
    }
}
