//! Reasons of failed sign-ins and of ended sessions.

/// Reason of a failed sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// The password of an existing account is wrong.
    WrongPassword,
    /// There is no such account.
    UnknownUser,
    /// An administrator locked the account.
    AccountLocked,
    /// The one-time password is right, but expired.
    OneTimeLapsed,
    /// The password is right, but public: it is one of the demonstration's.
    PublicPassword,
    /// The password was right, but the account changed while it was hashed.
    ChangedMeanwhile,
}

impl LoginFailure {
    /// Returns the value in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::UnknownUser => "unknown_user",
            Self::AccountLocked => "account_locked",
            Self::OneTimeLapsed => "one_time_lapsed",
            Self::PublicPassword => "public_password",
            Self::ChangedMeanwhile => "changed_meanwhile",
        }
    }
}

/// Reason of the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The person signed out.
    Logout,
    /// The session reached its maximum age.
    Expired,
    /// The session was unused for too long.
    Idle,
    /// A newer session took its slot.
    Evicted,
    /// An administrator locked the account.
    Locked,
    /// An administrator gave the account another role.
    RoleChanged,
    /// An administrator set a new password.
    PasswordReset,
    /// The account was deleted.
    Deleted,
    /// Another session of the person ended it, or its record was removed without a change of the account.
    Revoked,
    /// The person chose a new password.
    PasswordChanged,
    /// The holder of the card claimed the device again.
    Claimed,
}

impl SessionEnd {
    /// Returns the value in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Locked => "locked",
            Self::RoleChanged => "role_changed",
            Self::PasswordReset => "password_reset",
            Self::Deleted => "deleted",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::Claimed => "claimed",
        }
    }
}
