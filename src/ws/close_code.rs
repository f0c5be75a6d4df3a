//! Close codes and the reasons beside them (RFC 6455 section 7.4).

use crate::audit::SessionEnd;

/// Reason for which the server closes a socket (`docs/API.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The server stops.
    Shutdown,
    /// The client broke RFC 6455.
    Protocol,
    /// A binary frame.
    Unsupported,
    /// Text that is no UTF-8.
    BadUtf8,
    /// No sign of life, and another socket waits for its place: no frame is sent, as none is read.
    Silent,
    /// More refused frames than a client in good faith sends.
    Flooding,
    /// A frame over the limit.
    TooBig,
    /// The client reads too slowly; it resumes.
    TooSlow,
    /// The accounts cannot be read at the moment; the client comes back later.
    Unavailable,
    /// The session is over.
    SessionEnded(SessionEnd),
}

impl CloseCode {
    /// The number in the close frame.
    pub const fn number(self) -> u16 {
        match self {
            Self::Shutdown => 1001,
            Self::Protocol => 1002,
            Self::Unsupported => 1003,
            Self::Silent => 1006,
            Self::BadUtf8 => 1007,
            Self::Flooding => 1008,
            Self::TooBig => 1009,
            Self::TooSlow | Self::Unavailable => 1013,
            Self::SessionEnded(SessionEnd::Deleted) => 4002,
            Self::SessionEnded(_) => 4001,
        }
    }

    /// The word in the close frame. A page has a sentence for each of those of 4001 and 4002.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Protocol => "protocol_error",
            Self::Unsupported => "binary_frame",
            Self::Silent => "silent",
            Self::BadUtf8 => "bad_utf8",
            Self::Flooding => "flooding",
            Self::TooBig => "too_big",
            Self::TooSlow => "too_slow",
            Self::Unavailable => "unavailable",
            Self::SessionEnded(end) => match end {
                SessionEnd::Expired => "expired",
                SessionEnd::Idle => "idle",
                SessionEnd::Logout | SessionEnd::Revoked => "signed_out",
                SessionEnd::Locked => "locked",
                SessionEnd::RoleChanged => "role",
                SessionEnd::PasswordChanged => "password",
                // The holder of the card has ended all sessions as an administrator does with one account's.
                SessionEnd::PasswordReset | SessionEnd::Claimed => "reset",
                SessionEnd::Deleted => "deleted",
                SessionEnd::Evicted => "evicted",
            },
        }
    }
}
