//! Files in quarantine: names, the store on disk, its quota, and the records that say what is there.
//!
//! A file is written to a temporary name, hashed while it streams, synced, renamed, its folder synced, and only then
//! recorded; a power cut at any byte loses at most that upload.

mod disk;
pub mod inspect;
mod inspections;
mod listing;
mod media;
mod names;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod quota;
mod range;
mod record;
mod space;
mod upload;
mod write_back;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use crate::audit::{Audit, Event};
use crate::clock::Clock;
use crate::config::Live;
use crate::store::{FileRow, Store, StoreError};

use disk::Disk;
use inspections::{Inspections, after_restart};
use listing::Lists;
pub use listing::{ListedStates, visible};
pub use names::{FileName, NameError};
use quota::Quota;
pub use quota::QuotaLimits;
pub use range::ByteRange;
pub use record::{FileId, FileRecord, FileState};
pub use upload::{Sent, Upload, UploadError};

/// Why a file could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk said no.
    #[error("the quarantine folder: {0}")]
    Disk(#[from] io::Error),
}

impl QuarantineError {
    /// Whether the machine had no descriptor or memory left for it, and may have in a moment.
    pub fn is_momentary(&self) -> bool {
        matches!(self, Self::Disk(cause) if is_momentary(cause))
    }

    /// The error of a body that breaks off because of it.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Disk(cause) => cause,
            Self::Store(cause) => io::Error::other(cause),
        }
    }
}

/// Whether there was no descriptor or memory left, which there may be in a moment.
fn is_momentary(cause: &io::Error) -> bool {
    matches!(Errno::from_io_error(cause), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// All files.
pub struct Quarantine {
    disk: Disk,
    store: Store,
    quota: Arc<Quota>,
    inspections: Inspections,
    lists: Lists,
    config: Arc<Live>,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

impl Quarantine {
    /// Opens the folder and sweeps it: what a power cut left is removed, records whose bytes are gone are dropped and said.
    /// What was being looked into is to be looked into again. Blocks; for start-up.
    pub fn open(
        dir: &Path,
        store: Store,
        config: Arc<Live>,
        audit: Audit,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, QuarantineError> {
        let disk = Disk::open(dir)?;
        let rows = store.with(|db| db.files())?;
        let known: HashSet<_> = rows.iter().filter_map(|row| FileId::parse(&row.id)).collect();
        let sweep = disk.sweep(&known)?;
        if sweep.removed > 0 {
            audit.note(Event::FileSwept { count: sweep.removed });
        }
        let mut held = Vec::with_capacity(rows.len());
        for row in rows {
            if FileId::parse(&row.id).is_some_and(|id| !sweep.lost.contains(&id)) {
                held.push((row.user_id, row.size));
                if let Some((state, why)) = after_restart(&row) {
                    let reasons = why.lines().join("\n");
                    store.with(|db| db.move_file(&row.id, &row.state, state.as_str(), &reasons))?;
                    if !state.is_pending() {
                        let reasons = why.lines().join(", ");
                        audit.note(Event::FileInspected { id: row.id, name: row.name, state: state.as_str(), reasons });
                    }
                }
            } else {
                store.with(|db| db.remove_file(&row.id))?;
                audit.note(Event::FileLost { id: row.id, name: row.name });
            }
        }
        let (quota, inspections) = (Arc::new(Quota::new(held)), Inspections::new());
        Ok(Arc::new(Self { disk, store, quota, inspections, lists: Lists::new(), config, audit, clock }))
    }

    fn limits(&self) -> QuotaLimits {
        let config = self.config.get();
        let (files, most) = (&config.files, config.limits.files);
        QuotaLimits {
            max_total: files.max_total,
            max_files: most as u64,
            user_total: files.user_total(),
            user_files: files.user_count(most),
        }
    }

    /// Files and their bytes, with what is on its way in.
    pub fn held(&self) -> (u64, u64) {
        (self.quota.files(), self.quota.used())
    }

    /// How many files nobody has looked into yet.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let states = [FileState::Received, FileState::Inspecting].map(FileState::as_str);
        self.store.run(move |db| db.count_files_in(states)).await
    }

    /// The record of a file.
    pub async fn find(&self, id: FileId) -> Result<Option<FileRecord>, QuarantineError> {
        let row = self.store.run(move |db| db.file(&id.to_string())).await?;
        row.map(record).transpose().map_err(Into::into)
    }

    /// The bytes of a file.
    pub async fn open_file(&self, id: FileId) -> Result<File, QuarantineError> {
        let disk = self.disk.clone();
        Ok(blocking(move || disk.open_file(id)).await?)
    }

    /// Deletes a file: first the record, so that nothing that is listed lacks its bytes. Returns what it was.
    pub async fn delete(&self, id: FileId) -> Result<Option<FileRecord>, QuarantineError> {
        let Some(found) = self.find(id).await? else { return Ok(None) };
        if !self.store.run(move |db| db.remove_file(&id.to_string())).await? {
            return Ok(None);
        }
        self.quota.release(found.uploader, found.size);
        let disk = self.disk.clone();
        blocking(move || disk.remove(id)).await?;
        Ok(Some(found))
    }
}

/// Runs disk work off the network threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("the disk thread ended early")))
}

fn record(row: FileRow) -> Result<FileRecord, StoreError> {
    let (Some(id), Ok(state)) = (FileId::parse(&row.id), row.state.parse()) else {
        return Err(StoreError::Unknown(format!("file {:?} in state {:?}", row.id, row.state)));
    };
    Ok(FileRecord {
        id,
        name: FileName::stored(row.name),
        size: row.size,
        sha256: row.sha256,
        media_type: row.media_type,
        state,
        reasons: row.reasons.lines().map(str::to_owned).collect(),
        uploaded_by: row.uploaded_by,
        uploader: row.user_id,
        arrival: row.arrival,
        uploaded_at: row.uploaded_at,
    })
}
