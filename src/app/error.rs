//! Errors of starting the server.

use std::io;

use crate::accounts::SignInError;
use crate::accounts::WeakPassword;
use crate::net::ListenError;
use crate::private_file::Untrusted;
use crate::quarantine::QuarantineError;
use crate::store::StoreError;

/// Error of starting or running the server.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be made or written.
    #[error("the data folder {folder}: {cause}")]
    DataDir {
        /// The folder.
        folder: String,
        /// Error of the kernel.
        cause: io::Error,
    },
    /// The secret key in the data folder is damaged.
    #[error(
        "{0}: holds no key of at least 32 bytes; restore it or delete it (then all users must join their rooms again)"
    )]
    SecretKey(String),
    /// Others can change or read a folder or a key.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A listener could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Error of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Error of the files.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// `ADMIN_PASS` is not an acceptable password.
    #[error("ADMIN_PASS: {0}")]
    AdminPass(WeakPassword),
    /// The first accounts could not be made.
    #[error("the first accounts could not be made: {0}")]
    Accounts(#[from] SignInError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
}
