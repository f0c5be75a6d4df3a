//! Errors of a sign-in.

use crate::limits::{RetryAfter, SignInRefusal};
use crate::store::StoreError;

use super::hash_pool::HashError;

/// Error of a sign-in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The name or the password is wrong; the client is not told which.
    #[error("wrong name or password")]
    Invalid,
    /// The password is right, but an administrator has locked the account.
    #[error("the account is locked by an administrator")]
    AccountLocked,
    /// Too many failures for this name from this address.
    #[error("too many failed sign-ins for this name from this address")]
    LockedOut(RetryAfter),
    /// Too many failures from this address, or for this name from all addresses.
    #[error("too many failed sign-ins")]
    RateLimited(RetryAfter),
    /// The hashing queue is full.
    #[error("too many people are signing in")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Internal(#[from] StoreError),
    /// A stored hash cannot be read.
    #[error("a stored password hash cannot be checked")]
    BadHash,
}

impl From<HashError> for SignInError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::BadHash,
        }
    }
}

impl From<SignInRefusal> for SignInError {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::RateLimited(wait) | SignInRefusal::NameThrottled(wait) => Self::RateLimited(wait),
            SignInRefusal::LockedOut(wait) => Self::LockedOut(wait),
            SignInRefusal::Busy => Self::Busy,
        }
    }
}
