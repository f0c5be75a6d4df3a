//! SQLite: users, sessions, file records, settings that the program makes itself. The only place with SQL text.

mod claim;
mod file_list;
mod file_names;
mod files;
mod migrations;
mod sessions;
mod settings;
mod users;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

pub use claim::{ClaimRow, RECLAIM_LIFE, Redeemed};
pub use file_list::{FileFilter, FilePage};
pub use files::FileRow;
pub use sessions::{SessionRow, SessionTimes};
pub use users::UserRow;

/// How long a writer waits for another process (`pichat user …` beside a running server).
const BUSY: Duration = Duration::from_secs(5);

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The database could not be brought up to date.
    #[error("the database cannot be upgraded: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// A stored text is none that this program writes.
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
    /// The blocking thread did not come back.
    #[error("the database thread ended early")]
    Interrupted,
}

impl StoreError {
    /// Whether the disk took no more: what can do without the row goes on without it.
    pub fn is_full(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        matches!(self, Self::Sqlite(error) if matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure)))
    }
}

/// Whether a power cut right after the call may lose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the card before the call returns.
    Synced,
    /// On the card with the next synced write; lost by a power cut before.
    Lazy,
}

/// One connection to the database. All calls block; [`Store::run`] takes them off the network threads.
pub struct Db {
    conn: Connection,
    data_version: i64,
    file_counts: file_list::FileCounts,
    name_numbers: file_names::NameNumbers,
}

/// The database, shared.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Db>>);

impl Store {
    /// Opens or makes `pichat.db` in `dir` and brings it up to date.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::from_connection(Connection::open(dir.join("pichat.db"))?)
    }

    /// A database that is gone with the value; for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::from_connection(Connection::open_in_memory()?)
    }

    fn from_connection(mut conn: Connection) -> Result<Self, StoreError> {
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        // 256 KiB of page cache: the whole database of an office is smaller; SQLite's default of 2 MB is not given back.
        conn.pragma_update(None, "cache_size", -256)?;
        // The write-ahead log is cut back to this after a checkpoint, so that it does not stay large on the card.
        conn.pragma_update(None, "journal_size_limit", 1 << 20)?;
        migrations::apply(&mut conn)?;
        let (file_counts, name_numbers) = Default::default();
        let mut db = Db { conn, data_version: 0, file_counts, name_numbers };
        db.changed_elsewhere()?;
        Ok(Self(Arc::new(Mutex::new(db))))
    }

    /// Works with the database on this thread: for commands, start-up and tests.
    pub fn with<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works with the database on a blocking thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.with(work)).await.unwrap_or(Err(StoreError::Interrupted))
    }
}

impl Db {
    /// Whether another connection (`pichat user …`) has written since this was last asked.
    pub fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let version = self.version_elsewhere()?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    /// A number that another connection's write changes.
    fn version_elsewhere(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    fn transaction<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // In WAL mode NORMAL leaves out the fsync of a commit; FULL is the connection's resting state.
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
        result
    }
}
