//! Replaces the database by a snapshot. The replaced database is moved aside, never deleted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::fault::DatabaseFault;
use super::lock::{FolderLock, named};
use super::migrations;
use super::opening::schema;
use super::snapshots::{newest_fitting, remove_if_there, rename_new};
use crate::clock::Timestamp;

const FILE: &str = "pichat.db";
/// Name of the copy until it replaces the database; a power cut may leave it.
const UNFINISHED: &str = "pichat.db.restoring";
/// Endings of SQLite's files beside a database.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Outcome of [`restore_snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Snapshot that was restored.
    pub snapshot: PathBuf,
    /// New path of the replaced database.
    pub replaced: Option<PathBuf>,
}

/// Replaces the database of `folder` by a copy of `chosen`, or of the newest snapshot that this program can
/// use. Blocks.
///
/// # Errors
/// [`DatabaseFault::InUse`] while another process has the database open. Nothing is moved until the copy is
/// checked.
pub fn restore_snapshot(
    folder: &Path,
    chosen: Option<&Path>,
    now: Timestamp,
) -> Result<Restored, StoreError> {
    let none = || DatabaseFault::NoSnapshot { folder: folder.to_owned() };
    if !folder.is_dir() {
        return Err(none().into());
    }
    let _lock = FolderLock::exclusive(folder)?;
    let snapshot = match chosen {
        Some(file) => file.to_owned(),
        None => newest_fitting(folder, migrations::newest()).ok_or_else(none)?,
    };
    let fresh = folder.join(UNFINISHED);
    let result = copy(&snapshot, &fresh)
        .and_then(|()| check(&snapshot, &fresh))
        .and_then(|()| put_in_place(folder, &fresh, now));
    if result.is_err() {
        for path in [fresh.clone()].into_iter().chain(companions(&fresh)) {
            let _ = remove_if_there(&path);
        }
    }
    Ok(Restored { snapshot, replaced: result? })
}

fn companions(file: &Path) -> impl Iterator<Item = PathBuf> {
    COMPANIONS.map(|ending| with_ending(file, ending)).into_iter()
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let bad =
        |error: io::Error| DatabaseFault::BadSnapshot { file: from.to_owned(), cause: error.to_string() };
    let mut source = File::open(from).map_err(bad)?;
    if !source.metadata().map_err(bad)?.is_file() {
        return Err(bad(io::ErrorKind::InvalidInput.into()).into());
    }
    for path in [to.to_owned()].into_iter().chain(companions(to)) {
        remove_if_there(&path).map_err(|error| named(&path, &error))?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| named(to, &error))?;
    io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(|error| named(to, &error))
}

/// Checks that the copy is an undamaged database of PiChat with a schema that this program knows.
fn check(snapshot: &Path, copy: &Path) -> Result<(), StoreError> {
    let bad =
        |cause: String| StoreError::from(DatabaseFault::BadSnapshot { file: snapshot.to_owned(), cause });
    let looked = (|| {
        let conn = Connection::open_with_flags(
            copy,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        // One file, whatever journal mode it was written in.
        conn.pragma_update(None, "journal_mode", "DELETE")?;
        let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let ours: bool =
            conn.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'users')", [], |row| {
                row.get(0)
            })?;
        let schema = schema(&conn)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok::<_, StoreError>((said, ours, schema))
    })();
    let (said, ours, schema) = looked.map_err(|error| bad(error.to_string()))?;
    let known = migrations::newest();
    match () {
        () if said != "ok" => Err(bad(said)),
        () if !ours || schema < 1 => Err(bad("no PiChat database".to_owned())),
        () if schema > known => Err(bad(format!("schema {schema}, this version knows up to {known}"))),
        () => File::open(copy).and_then(|file| file.sync_all()).map_err(|error| named(copy, &error)),
    }
}

/// Moves the database aside and the copy to its place. The log moves first: SQLite would play a log beside
/// another database into it.
fn put_in_place(folder: &Path, fresh: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let file = folder.join(FILE);
    let there = fs::symlink_metadata(&file).is_ok();
    if there {
        empty_the_log(&file);
    }
    let aside = free_name(&file, now);
    for ending in COMPANIONS {
        move_if_there(&with_ending(&file, ending), &with_ending(&aside, ending))?;
    }
    move_if_there(&file, &aside)?;
    rename_new(fresh, &file).map_err(|error| named(&file, &error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| named(folder, &error))?;
    Ok(there.then_some(aside))
}

/// Checkpoints the log into the database if SQLite can; the file alone is then complete.
fn empty_the_log(file: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if let Ok(conn) = Connection::open_with_flags(file, flags) {
        // A damaged database may refuse; its log is moved with it.
        let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

/// Returns `pichat.db.replaced-20260131T120000Z`, with a number if it is taken.
fn free_name(file: &Path, now: Timestamp) -> PathBuf {
    let text = now.to_string();
    let time: String =
        text.split('.').next().unwrap_or_default().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let free = |name: &PathBuf| fs::symlink_metadata(name).is_err();
    let first = with_ending(file, &format!(".replaced-{time}Z"));
    let numbered = (2_u32..).map(|n| with_ending(file, &format!(".replaced-{time}Z.{n}")));
    std::iter::once(first.clone()).chain(numbered).find(free).unwrap_or(first)
}

fn move_if_there(from: &Path, to: &Path) -> Result<(), StoreError> {
    match rename_new(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(from, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
