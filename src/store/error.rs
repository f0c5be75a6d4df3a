//! Errors of the store.

use std::io;

use rusqlite::ErrorCode;

use super::fault::DatabaseFault;

/// Error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Error of SQLite.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The database cannot be used as it is.
    #[error(transparent)]
    Fault(#[from] DatabaseFault),
    /// A file of the data folder could not be handled; the message names it.
    #[error("{0}")]
    File(io::Error),
    /// The migration failed.
    #[error("the database cannot be upgraded: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// A stored text is not a value that this program writes.
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
    /// The blocking thread ended early.
    #[error("the database thread ended early")]
    Interrupted,
}

impl StoreError {
    /// Returns true if the disk is full. Callers that can work without the row continue.
    pub fn is_full(&self) -> bool {
        matches!(self.sqlite_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
    }

    /// Returns true if another process has locked the database for longer than a writer waits.
    pub fn is_busy(&self) -> bool {
        matches!(self.sqlite_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    pub(super) fn sqlite_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error)
            | Self::Migration(rusqlite_migration::Error::RusqliteError { err: error, .. }) => {
                error.sqlite_error_code()
            }
            _ => None,
        }
    }
}
