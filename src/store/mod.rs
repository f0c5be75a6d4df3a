//! SQLite: users, sessions, file records, stored settings. The only module with SQL text.

mod claim;
mod fault;
mod file_list;
mod file_names;
mod files;
mod lock;
mod migrations;
mod opening;
mod removals;
mod restore;
mod sessions;
mod settings;
mod snapshots;
mod users;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

pub use claim::{ClaimRow, RECLAIM_LIFE, Redeemed};
pub use fault::DatabaseFault;
pub use file_list::{FileFilter, FilePage};
pub use files::FileRow;
pub use opening::{Upgrade, database_exists};
pub use restore::{Restored, restore_snapshot};
pub use sessions::{SessionRow, SessionTimes};
pub use users::{AccountState, UserRow};

/// Time that a writer waits for another process (`pichat user …` beside a running server).
const BUSY: Duration = Duration::from_secs(5);
/// Wait after one has failed: calls queue for one connection, and eight of them must not delay the watchdog
/// for 40 s.
const BUSY_AGAIN: Duration = Duration::from_millis(250);

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

    fn sqlite_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) | Self::Migration(rusqlite_migration::Error::RusqliteError { err: error, .. }) => {
                error.sqlite_error_code()
            }
            _ => None,
        }
    }
}

/// Durability of a write at a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced before the call returns.
    Synced,
    /// Synced with the next synced write; lost by a power cut before.
    Lazy,
}

/// Connection to the database. All calls block; [`Store::run`] keeps them off the network threads.
pub struct Db {
    conn: Connection,
    data_version: i64,
    file_counts: file_list::FileCounts,
    name_numbers: file_names::NameNumbers,
    /// Busy timeout in force.
    patience: Duration,
}

/// Shared database.
#[derive(Clone)]
pub struct Store(Arc<Database>);

struct Database {
    db: Mutex<Db>,
    upgrade: Option<Upgrade>,
    _lock: Option<lock::FolderLock>,
}

impl Store {
    /// Runs `work` with the database on this thread: for commands, start-up and tests.
    pub fn with<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut db = self.0.db.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut db);
        if result.as_ref().is_err_and(StoreError::is_busy) {
            db.wait_for_others(BUSY_AGAIN)?;
        }
        result
    }

    /// Runs `work` with the database on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.with(work)).await.unwrap_or(Err(StoreError::Interrupted))
    }
}

impl Db {
    /// Returns true if another connection (`pichat user …`) has written since the last call.
    pub fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let version = self.version_elsewhere()?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    /// Returns SQLite's data version, which writes of other connections change.
    fn version_elsewhere(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    fn wait_for_others(&mut self, patience: Duration) -> Result<(), StoreError> {
        if self.patience != patience {
            self.conn.busy_timeout(patience)?;
            self.patience = patience;
        }
        Ok(())
    }

    fn transaction<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // In WAL mode NORMAL skips the fsync of a commit; FULL is the connection's default state.
        if durability == Durability::Lazy {
            self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        }
        let result = (|| {
            let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            tx.commit()?;
            Ok(value)
        })();
        if durability == Durability::Lazy {
            self.conn.pragma_update(None, "synchronous", "FULL")?;
        }
        if result.is_ok() {
            self.wait_for_others(BUSY)?;
        }
        result
    }
}
