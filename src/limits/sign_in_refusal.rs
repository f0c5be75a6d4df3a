//! Refusals of sign-in attempts.

use super::retry::RetryAfter;

/// Reason why an attempt may not begin. None of them costs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The address, or its local network, failed too often.
    RateLimited(RetryAfter),
    /// This name is locked for this address or device.
    LockedOut(RetryAfter),
    /// This name is guessed at from everywhere; those who are not known to have signed in to it share the
    /// tries.
    NameThrottled(RetryAfter),
    /// Too many wait already.
    Busy,
}

impl SignInRefusal {
    /// Returns the reason for metrics and the log.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::RateLimited(_) => "rate_limited",
            Self::LockedOut(_) => "locked_out",
            Self::NameThrottled(_) => "name_throttled",
            Self::Busy => "busy",
        }
    }
}
