//! Connection to the database, shared by the threads of the server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use crate::detached;

use super::error::StoreError;
use super::file_counts::FileCounts;
use super::file_names::NameNumbers;
use super::lock::FolderLock;
use super::migrations::Upgrade;
use crate::locks::lock;

/// Time that a writer waits for another process (`pichat user …` beside a running server).
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Wait after one has failed: calls queue for one connection, and eight of them must not delay the watchdog
/// for 40 s.
const BUSY_AGAIN: Duration = Duration::from_millis(250);

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
    pub(super) conn: Connection,
    pub(super) data_version: i64,
    pub(super) file_counts: FileCounts,
    pub(super) name_numbers: NameNumbers,
    /// Busy timeout in force.
    pub(super) patience: Duration,
}

/// Shared database.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Database>);

pub(super) struct Database {
    pub(super) db: Mutex<Db>,
    pub(super) upgrade: Option<Upgrade>,
    pub(super) _lock: Option<FolderLock>,
}

impl Store {
    /// Runs `work` with the database on this thread: for commands, start-up and tests.
    pub fn with<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut db = lock(&self.0.db);
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
        detached::blocking(move || store.with(work)).await.unwrap_or(Err(StoreError::Interrupted))
    }
}

impl Db {
    /// Returns true if another connection (`pichat user …`) has written since the last call.
    pub fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let version = self.version_elsewhere()?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    /// Returns SQLite's data version, which writes of other connections change.
    pub(super) fn version_elsewhere(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// Refuses or allows writes, as a full disk does.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self, refuse: bool) -> Result<(), StoreError> {
        Ok(self.conn.pragma_update(None, "query_only", refuse)?)
    }

    fn wait_for_others(&mut self, patience: Duration) -> Result<(), StoreError> {
        if self.patience != patience {
            self.conn.busy_timeout(patience)?;
            self.patience = patience;
        }
        Ok(())
    }

    pub(super) fn transaction<T>(
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
