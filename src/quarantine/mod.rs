//! Files in quarantine: names, the store on disk, its quota, and the records that say what is there.
//!
//! A file is written to a temporary name, hashed while it streams, synced, renamed, its folder synced, and only then
//! recorded; a power cut at any byte loses at most that upload.

mod adoption;
mod content;
mod deletion;
mod disk;
mod folder;
mod folder_fault;
pub mod inspect;
mod inspections;
mod listing;
mod media;
mod names;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod quota;
mod range;
mod reconcile;
mod record;
mod space;
mod survey;
mod upload;
mod write_back;

use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::Live;
use crate::store::{FileRow, Store, StoreError};

pub use content::Content;
pub use deletion::Deletion;
use deletion::PendingRemovals;
use disk::Disk;
pub use folder::{FilesFolder, is_files_folder, orphans};
pub use folder_fault::{Flaw, FolderFault};
use inspections::Inspections;
use listing::Lists;
pub use listing::{ListedStates, visible};
pub use names::{FileName, NameError};
use quota::Quota;
pub use quota::QuotaLimits;
pub use range::ByteRange;
pub use reconcile::{Reconciled, reconcile};
pub use record::{FileId, FileRecord, FileState};
pub use survey::Orphan;
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
    /// The files folder cannot be used as it is.
    #[error(transparent)]
    Folder(Box<FolderFault>),
    /// The session or the right of the caller ended before it took effect.
    #[error("the caller may not any more")]
    NotAllowed,
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
            Self::Folder(cause) => io::Error::other(cause),
            Self::NotAllowed => io::ErrorKind::PermissionDenied.into(),
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
    removals: PendingRemovals,
    inspections: Inspections,
    lists: Lists,
    config: Arc<Live>,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

impl Quarantine {
    /// Takes the folder into service: brings records and bytes together, and lets interrupted inspections start again. Blocks; for
    /// start-up.
    pub fn open(
        folder: FilesFolder,
        store: Store,
        config: Arc<Live>,
        audit: Audit,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, QuarantineError> {
        let found = reconcile(&folder, &store, &audit)?;
        let (quota, inspections) = (Arc::new(Quota::new(found.held)), Inspections::new());
        let removals = PendingRemovals::new(found.pending);
        Ok(Arc::new(Self { disk: folder.disk, store, quota, removals, inspections, lists: Lists::new(), config, audit, clock }))
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
