//! Opens the files folder at start-up, and only if it belongs to the database.

use std::collections::BTreeMap;
use std::path::Path;

use super::disk::FileStorage;
use super::error::QuarantineError;
use super::folder_fault::{Flaw, FolderFault};
use super::record::FileId;
use super::survey::{Marker, Orphan, StoreId, Survey, is_full};
use crate::store::{Durability, Store};

/// Database setting that holds the identity of the files folder.
const SETTING: &str = "store_id";

/// A files folder that belongs to the database, locked against other processes.
pub struct FilesFolder {
    pub(super) disk: FileStorage,
    pub(super) survey: Survey,
}

/// Action of a start on a folder that it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// Folder and database carry the same identity.
    Holds,
    /// The database adopts the folder's identity.
    Adopt(StoreId),
    /// Folder and database get a new identity.
    New,
}

/// Decides whether an existing folder may be used. `records` are the files that the database lists.
fn decide(id: Option<StoreId>, records: &BTreeMap<FileId, u64>, seen: &Survey) -> Result<Bond, Flaw> {
    let holds_one = || records.keys().any(|id| seen.stored.contains_key(id));
    let related = if records.is_empty() { seen.stored.is_empty() } else { holds_one() };
    match (id, seen.marker) {
        (Some(id), Marker::Of(other)) if id == other => Ok(Bond::Holds),
        (Some(_), Marker::Of(_)) => Err(Flaw::Foreign),
        (Some(_), _) | (None, Marker::Unreadable) => Err(Flaw::Unmarked),
        (None, _) if !related => Err(Flaw::Unrelated),
        (None, Marker::Of(other)) => Ok(Bond::Adopt(other)),
        (None, Marker::Absent) => Ok(Bond::New),
    }
}

/// Returns true if `dir` is a files folder in use: it carries a mark or holds files named by ids.
pub fn is_files_folder(dir: &Path) -> bool {
    let Ok(Some(disk)) = FileStorage::look_at(dir) else { return false };
    disk.survey().is_ok_and(|seen| seen.marker != Marker::Absent || !seen.stored.is_empty())
}

/// Lists the bytes without a record in a files folder, without locking it.
///
/// # Errors
/// [`Flaw::Missing`] without a folder.
pub fn orphans(dir: &Path) -> Result<Vec<Orphan>, QuarantineError> {
    let disk = FileStorage::look_at(dir)?.ok_or_else(|| fault(dir, Flaw::Missing))?;
    Ok(disk.orphans()?)
}

fn fault(dir: &Path, flaw: Flaw) -> QuarantineError {
    FolderFault { folder: dir.to_owned(), flaw }.into()
}

/// Records of the database and its identity.
struct Ledger {
    id: Option<StoreId>,
    records: BTreeMap<FileId, u64>,
}

impl Ledger {
    fn read(store: &Store) -> Result<Self, QuarantineError> {
        let (id, rows) = store.with(|db| Ok((db.setting(SETTING)?, db.files()?)))?;
        let records = rows.iter().filter_map(|row| Some((FileId::parse(&row.id)?, row.size))).collect();
        Ok(Self { id: id.as_deref().and_then(StoreId::parse), records })
    }
}

impl FilesFolder {
    /// Opens the folder if it belongs to the database, and runs a trial write. A new database creates and
    /// marks one. Blocks.
    ///
    /// # Errors
    /// [`FolderFault`] tells the administrator what to do; nothing was changed.
    pub fn open(dir: &Path, store: &Store) -> Result<Self, QuarantineError> {
        let ledger = Ledger::read(store)?;
        let disk = match FileStorage::open_existing(dir)? {
            Some(disk) => disk,
            None if ledger.id.is_none() && ledger.records.is_empty() => FileStorage::open(dir)?,
            None => return Err(fault(dir, Flaw::Missing)),
        };
        let survey = disk.survey()?;
        let bond = decide(ledger.id, &ledger.records, &survey).map_err(|flaw| fault(dir, flaw))?;
        disk.try_out()?.map_err(|flaw| fault(dir, flaw))?;
        match bond {
            Bond::Holds => {}
            Bond::Adopt(id) => keep(id, store)?,
            Bond::New => mark(&disk, StoreId::random(), store)?,
        }
        Ok(Self { disk, survey })
    }

    /// Locks the folder against servers without checks; a missing folder needs no lock.
    pub fn lock(dir: &Path) -> Result<Option<impl Sized>, QuarantineError> {
        FileStorage::open_existing(dir)
    }

    /// Ties the folder to the database without checks. Blocks.
    pub fn accept(dir: &Path, store: &Store) -> Result<Self, QuarantineError> {
        let id = Ledger::read(store)?.id.unwrap_or_else(StoreId::random);
        let disk = FileStorage::open(dir)?;
        let survey = disk.survey()?;
        disk.try_out()?.map_err(|flaw| fault(dir, flaw))?;
        disk.mark(id)?;
        store.with(|db| db.keep_setting(SETTING, &id.to_hex()))?;
        Ok(Self { disk, survey })
    }
}

/// Marks the folder, then the database. After a power cut between the two, the next start adopts the folder's
/// mark.
fn mark(disk: &FileStorage, id: StoreId, store: &Store) -> Result<(), QuarantineError> {
    match disk.mark(id) {
        // A later start with free space marks the folder; until then the folder is judged by its files.
        Err(error) if is_full(&error) => return Ok(()),
        other => other?,
    }
    keep(id, store)
}

/// Stores the identity in the database. After a full disk or a power cut, the next start reads it from the
/// mark.
fn keep(id: StoreId, store: &Store) -> Result<(), QuarantineError> {
    match store.with(|db| db.put_setting(SETTING, &id.to_hex(), Durability::Lazy)) {
        Err(error) if !error.is_full() => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
