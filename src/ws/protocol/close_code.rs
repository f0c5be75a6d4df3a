//! Close codes and their reasons (RFC 6455 section 7.4).

use crate::audit::SessionEnd;

/// Reason for which the server closes a socket (`docs/API.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The server shuts down.
    Shutdown,
    /// The client violated RFC 6455.
    Protocol,
    /// The client sent a binary frame.
    Unsupported,
    /// The client sent invalid UTF-8.
    BadUtf8,
    /// The client gave no sign of life, and another socket needs the slot. No frame is sent, since none is
    /// read.
    Silent,
    /// The client sent more refused requests than a well-behaved client does.
    Flooding,
    /// A message exceeds the size limit.
    TooBig,
    /// The client reads too slowly; it may resume.
    TooSlow,
    /// The accounts cannot be read at the moment; the client reconnects later.
    Unavailable,
    /// The session ended.
    SessionEnded(SessionEnd),
}

impl CloseCode {
    /// Returns the code in the close frame.
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

    /// Returns the reason in the close frame. The page has a sentence for each reason of 4001 and 4002.
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
                // Claiming with the card ends all sessions, as an administrator's reset ends those of one
                // account.
                SessionEnd::PasswordReset | SessionEnd::Claimed => "reset",
                SessionEnd::Deleted => "deleted",
                SessionEnd::Evicted => "evicted",
            },
        }
    }
}
