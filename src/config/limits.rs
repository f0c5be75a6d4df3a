//! `[limits]`: every bound that a person may move, each one row.

use serde::Deserialize;
use toml::Spanned;

use super::origin::Origin;
use super::{ConfigError, Kind, Reload, Setting};
use crate::types::{MAX_TEXT_CHARS, Text};

/// Rates, bursts and pauses: no machine reaches 10⁹ a minute, and 10⁹ seconds (31 years) still fit every clock.
pub const RATE_CEILING: u32 = 1_000_000_000;
/// Rooms. Full ones hold 1024 × 64 (default ring) × 1000 (default text) × 4 bytes = 250 MiB; whoever raises ring and text too needs up to
/// 1024 × 256 × 4000 × 4 bytes = 4 GiB, so raise one at a time.
pub const ROOMS_CEILING: usize = 1024;
/// Sockets in one room: one message is at most 1024 pushes into outbound queues, all of them of one shared buffer.
pub const ROOM_MEMBERS_CEILING: usize = 1024;
/// Rooms of one socket: 16384 sockets × 32 rooms = 524,288 memberships of some 100 bytes = 50 MiB.
pub const ROOMS_PER_SOCKET_CEILING: usize = 32;
/// Messages in a room's ring: 256 × 1000 characters × 4 bytes = 1 MiB a room.
pub const ROOM_RING_CEILING: usize = 256;
/// Connections, and sockets of one address or session: 16384 × some 20 KiB of buffers and task = 320 MiB, and under the 20,000 file
/// descriptors that the unit grants. Outbound queues (256 KiB each) come on top, but only for those who read slowly.
pub const CONNECTIONS_CEILING: usize = 16_384;
/// Sessions: 16384 × some 300 bytes = 5 MiB.
pub const SESSIONS_CEILING: usize = 16_384;
/// Files kept: 100,000 records of some 500 bytes = 50 MB of database, and a list that a browser still takes.
pub const FILES_CEILING: usize = 100_000;

/// Least size of a client's frame: 16 KiB, so that a long room password or an odd escape never meets 1009.
const LEAST_FRAME_BYTES: usize = 16 * 1024;
/// A character outside the BMP, escaped in JSON as two `\uXXXX`.
const ESCAPED_CHAR_BYTES: usize = 12;
/// The frame around the text: type, ref, room, punctuation.
const FRAME_OVERHEAD_BYTES: usize = 1024;

/// One row a limit gives the raw field, the checked field, its default, its range and its [`Setting`].
macro_rules! limits {
    ($($name:ident: $type:ty = $default:literal, up to $ceiling:ident, $es:literal, $en:literal;)*) => {
        /// `[limits]`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $en] pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// `[limits]` as written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct RawLimits {
            $($name: Option<Spanned<i128>>,)*
        }

        impl RawLimits {
            pub(super) fn check(&self, origin: &Origin<'_>) -> Result<Limits, ConfigError> {
                Ok(Limits {
                    $($name: origin.number(
                        concat!("limits.", stringify!($name)),
                        self.$name.as_ref(),
                        1..=$ceiling,
                        $default,
                    )?,)*
                })
            }
        }

        pub(super) const SETTINGS: &[Setting] = &[$(
            Setting {
                path: concat!("limits.", stringify!($name)),
                kind: Kind::Number,
                default: stringify!($default),
                reload: Reload::Live,
                doc: Text::new($es, $en),
                same: |a, b| a.limits.$name == b.limits.$name,
            },
        )*];
    };
}

limits! {
    logins_per_minute: u32 = 10, up to RATE_CEILING,
        "Intentos de ingreso fallidos por minuto y dirección.",
        "Failed sign-ins a minute and address.";
    login_failures: u32 = 5, up to RATE_CEILING,
        "Contraseñas erradas seguidas, para una cuenta desde una dirección, que bloquean ese par.",
        "Wrong passwords in a row, for one account from one address, that lock that pair.";
    lockout_seconds: u32 = 900, up to RATE_CEILING,
        "Segundos que dura ese bloqueo.",
        "Seconds that this lock lasts.";
    uploads_per_minute: u32 = 5, up to RATE_CEILING,
        "Subidas por minuto y usuario.",
        "Uploads a minute and user.";
    upload_burst: u32 = 60, up to RATE_CEILING,
        "Subidas que pueden venir de golpe: una carpeta de fotos.",
        "Uploads that may come at once: a folder of photos.";
    downloads_per_minute: u32 = 10, up to RATE_CEILING,
        "Descargas por minuto y usuario. Las partes de un mismo archivo cuentan una vez en diez minutos.",
        "Downloads a minute and user. The parts of one file count once within ten minutes.";
    download_burst: u32 = 120, up to RATE_CEILING,
        "Descargas que pueden venir de golpe.",
        "Downloads that may come at once.";
    deletes_per_minute: u32 = 5, up to RATE_CEILING,
        "Borrados por minuto y usuario.",
        "Deletes a minute and user.";
    delete_burst: u32 = 200, up to RATE_CEILING,
        "Borrados que pueden venir de golpe.",
        "Deletes that may come at once.";
    requests_per_minute: u32 = 600, up to RATE_CEILING,
        "Peticiones por minuto y sesión; sin sesión, por minuto y dirección. Los archivos fijos de las páginas cuentan aparte.",
        "Requests a minute and session; without one, a minute and address. The pages' static files count apart.";
    request_burst: u32 = 200, up to RATE_CEILING,
        "Peticiones que pueden venir de golpe.",
        "Requests that may come at once.";
    messages_per_minute: u32 = 60, up to RATE_CEILING,
        "Mensajes por minuto y usuario.",
        "Messages a minute and user.";
    message_burst: u32 = 20, up to RATE_CEILING,
        "Mensajes que pueden venir de golpe.",
        "Messages that may come at once.";
    joins_per_minute: u32 = 30, up to RATE_CEILING,
        "Entradas a salas por minuto y usuario; volver tras un corte no cuenta.",
        "Joins a minute and user; coming back after a cut does not count.";
    message_chars: usize = 1000, up to MAX_TEXT_CHARS,
        "Caracteres de un mensaje; tope 4000.",
        "Characters of a message; ceiling 4000.";
    rooms: usize = 256, up to ROOMS_CEILING,
        "Salas a la vez; tope 1024.",
        "Rooms at once; ceiling 1024.";
    rooms_per_user: usize = 16, up to ROOMS_CEILING,
        "Salas hechas por un usuario que todavía existen; tope 1024.",
        "Rooms made by one user that still exist; ceiling 1024.";
    room_members: usize = 256, up to ROOM_MEMBERS_CEILING,
        "Conexiones en una sala; tope 1024.",
        "Sockets in one room; ceiling 1024.";
    rooms_per_socket: usize = 16, up to ROOMS_PER_SOCKET_CEILING,
        "Salas de una conexión; tope 32.",
        "Rooms of one socket; ceiling 32.";
    room_ring: usize = 64, up to ROOM_RING_CEILING,
        "Mensajes que una sala recuerda para quien se reconecta; tope 256.",
        "Messages that a room remembers for who reconnects; ceiling 256.";
    connections: usize = 2048, up to CONNECTIONS_CEILING,
        "Conexiones a la vez; tope 16384.",
        "Connections at once; ceiling 16384.";
    connections_per_address: usize = 512, up to CONNECTIONS_CEILING,
        "Conexiones de una dirección que no atienden a nadie con sesión, y las que atienden a un usuario; tope 16384.",
        "Connections of one address that serve nobody signed in, and those that serve one user; ceiling 16384.";
    sockets_per_session: usize = 16, up to CONNECTIONS_CEILING,
        "Conexiones de chat de una sesión (pestañas abiertas); tope 16384.",
        "Chat sockets of one session (open tabs); ceiling 16384.";
    sessions: usize = 1024, up to SESSIONS_CEILING,
        "Sesiones abiertas; tope 16384. Pasado el límite termina la que lleva más tiempo sin uso.",
        "Open sessions; ceiling 16384. Past it the longest unused one ends.";
    sessions_per_user: usize = 16, up to SESSIONS_CEILING,
        "Sesiones de un usuario; tope 16384.",
        "Sessions of one user; ceiling 16384.";
    files: usize = 10_000, up to FILES_CEILING,
        "Archivos guardados; tope 100000.",
        "Files kept; ceiling 100000.";
}

impl Limits {
    /// Most bytes of a frame from a client: the longest text, every character escaped, still fits.
    pub fn frame_bytes(&self) -> usize {
        LEAST_FRAME_BYTES.max(ESCAPED_CHAR_BYTES * self.message_chars + FRAME_OVERHEAD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_the_longest_text_fully_escaped() {
        let frame = |message_chars| Limits { message_chars, ..Limits::default() }.frame_bytes();
        assert_eq!(frame(1000), 16_384);
        assert_eq!(frame(1281), 16_396);
        assert_eq!(frame(4000), 49_024);
    }

    #[test]
    fn the_ceilings_are_those_of_the_design() {
        assert_eq!((ROOMS_CEILING, ROOM_MEMBERS_CEILING, ROOMS_PER_SOCKET_CEILING), (1024, 1024, 32));
        assert_eq!((ROOM_RING_CEILING, CONNECTIONS_CEILING, SESSIONS_CEILING), (256, 16_384, 16_384));
    }
}
