//! Reasons why the server did not start.

use std::io;

use crate::accounts::SignInError;
use crate::accounts::password::WeakPassword;
use crate::net::ListenError;
use crate::private_file::Untrusted;
use crate::quarantine::QuarantineError;
use crate::store::StoreError;

/// Reason for which the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be made or written.
    #[error("the data folder {folder}: {cause}")]
    DataDir {
        /// Which folder.
        folder: String,
        /// The kernel's error.
        cause: io::Error,
    },
    /// The secret key in the data folder is damaged.
    #[error("{0}: holds no key of at least 32 bytes; restore it or delete it (then everybody must join their rooms anew)")]
    SecretKey(String),
    /// A folder or a key that others can change or read.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// No listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// `ADMIN_PASS` may not become a password.
    #[error("ADMIN_PASS: {0}")]
    AdminPass(WeakPassword),
    /// The first accounts could not be made.
    #[error("the first accounts could not be made: {0}")]
    Accounts(#[from] SignInError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
}
