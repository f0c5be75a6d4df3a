//! Settings of the limits on sign-ins.

use std::time::Duration;

/// Retry-After where attempts under way fill a map: a password is checked in about that time.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// Figures of `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInSettings {
    /// Failed sign-ins a minute and address.
    pub logins_per_minute: u32,
    /// Wrong passwords for one name from one address until that pair is locked.
    pub login_failures: u32,
    /// Time for which it is locked. Failures are forgotten when that long no other followed.
    pub lockout: Duration,
}
