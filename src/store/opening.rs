//! Opens the database. It never creates one where one is missing, and never migrates without a snapshot.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::{BUSY, Database, Db, Store};
use super::error::StoreError;
use super::fault::DatabaseFault;
use super::lock::{FolderLock, named};
use super::migrations::Upgrade;
use super::{migrations, snapshots};

/// Name of the database in the data folder.
const FILE: &str = "pichat.db";
/// Maximum size for a check of all pages at each start. 10,000 files take about 5 MB; a card reads 16 MiB in
/// under a second.
const MAX_CHECKED_BYTES: u64 = 16 << 20;

/// Returns true if the folder has a database. An empty file is none.
pub fn database_exists(folder: &Path) -> bool {
    fs::metadata(folder.join(FILE)).is_ok_and(|meta| meta.len() > 0)
}

impl Store {
    /// Opens `pichat.db` in `folder`, creates it if it is missing, and migrates it.
    ///
    /// # Errors
    /// [`StoreError::Fault`] names the remedies; the database is unchanged.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::at(folder, OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// Opens the existing `pichat.db` in `folder` and migrates it.
    ///
    /// # Errors
    /// As for [`Store::open`]; without a database, [`DatabaseFault::Absent`].
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        if !database_exists(folder) {
            return Err(DatabaseFault::Absent { folder: folder.to_owned() }.into());
        }
        Self::at(folder, OpenFlags::empty())
    }

    fn at(folder: &Path, create: OpenFlags) -> Result<Self, StoreError> {
        let lock = FolderLock::shared(folder)?;
        let file = folder.join(FILE);
        let bytes = fs::metadata(&file).map_or(0, |meta| meta.len());
        let opened = (|| {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
            let mut conn = Connection::open_with_flags(&file, flags)?;
            conn.busy_timeout(BUSY)?;
            let upgrade = if bytes > 0 { check_and_migrate(&mut conn, folder, bytes)? } else { None };
            Ok((conn, upgrade))
        })();
        let (conn, upgrade) = opened.map_err(|error| damage(error, folder))?;
        Self::from_connection(conn, upgrade, Some(lock)).map_err(|error| damage(error, folder))
    }

    /// Opens a database in memory, for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::from_connection(Connection::open_in_memory()?, None, None)
    }

    fn from_connection(
        mut conn: Connection,
        upgrade: Option<Upgrade>,
        lock: Option<FolderLock>,
    ) -> Result<Self, StoreError> {
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        // 256 KiB of page cache: an office's whole database is smaller; SQLite's default of 2 MB is never
        // freed.
        conn.pragma_update(None, "cache_size", -256)?;
        // Maximum size of the write-ahead log after a checkpoint, so that it stays small on the card.
        conn.pragma_update(None, "journal_size_limit", 1 << 20)?;
        migrations::apply(&mut conn)?;
        // Frees the page cache that creating or upgrading a database filled.
        conn.execute_batch("PRAGMA shrink_memory")?;
        let (file_counts, name_numbers) = Default::default();
        let mut db = Db { conn, data_version: 0, patience: BUSY, file_counts, name_numbers };
        db.changed_elsewhere()?;
        Ok(Self(Arc::new(Database { db: Mutex::new(db), upgrade, _lock: lock })))
    }

    /// Returns the migration of the opening.
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.0.upgrade.as_ref()
    }
}

/// Checks an existing database, and migrates it after a snapshot.
fn check_and_migrate(
    conn: &mut Connection,
    folder: &Path,
    bytes: u64,
) -> Result<Option<Upgrade>, StoreError> {
    let (from, to) = (schema(conn)?, migrations::newest());
    if from > to {
        let snapshot = snapshots::newest_fitting(folder, to);
        return Err(DatabaseFault::Newer { file: folder.join(FILE), found: from, known: to, snapshot }.into());
    }
    if bytes <= MAX_CHECKED_BYTES {
        quick_check(conn, folder)?;
    }
    let filled =
        conn.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get::<_, bool>(0))?;
    if from == to || !filled {
        return Ok(None);
    }
    let snapshot = snapshots::take(conn, folder, to).map_err(|cause| {
        StoreError::from(DatabaseFault::NotSnapshotted { file: folder.join(FILE), cause })
    })?;
    migrations::apply(conn)?;
    snapshots::prune(folder).map_err(|error| named(folder, &error))?;
    Ok(Some(Upgrade { from, to, snapshot }))
}

pub(super) fn schema(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn quick_check(conn: &Connection, folder: &Path) -> Result<(), StoreError> {
    let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(damaged(folder, said)) }
}

fn damaged(folder: &Path, cause: String) -> StoreError {
    let snapshot = snapshots::newest_fitting(folder, migrations::newest());
    DatabaseFault::Damaged { file: folder.join(FILE), cause, snapshot }.into()
}

/// Converts SQLite's error about a damaged file to the fault with its remedies.
fn damage(error: StoreError, folder: &Path) -> StoreError {
    match error.sqlite_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(folder, error.to_string()),
        _ => error,
    }
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
