//! Uploaded files: names, storage on disk, quota, inspection and records.
//!
//! An upload is written under a temporary name and hashed while it streams. Then the file is synced and renamed, its
//! folder is synced, and the record is added. A power cut at any byte loses at most that upload.

mod adoption;
mod content;
mod deletion;
mod disk;
mod fair_queue;
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

/// Error of an operation on quarantined files.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error("the quarantine folder: {0}")]
    Disk(#[from] io::Error),
    /// The files folder cannot be used as it is.
    #[error(transparent)]
    Folder(Box<FolderFault>),
    /// The caller's session or permission ended before the operation took effect.
    #[error("the caller no longer has permission")]
    NotAllowed,
}

impl QuarantineError {
    /// Returns true if file descriptors or memory ran out, so that a retry may succeed soon.
    pub fn is_momentary(&self) -> bool {
        matches!(self, Self::Disk(cause) if is_momentary(cause))
    }

    /// Converts to the I/O error of a response body that this error cuts off.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Disk(cause) => cause,
            Self::Store(cause) => io::Error::other(cause),
            Self::Folder(cause) => io::Error::other(cause),
            Self::NotAllowed => io::ErrorKind::PermissionDenied.into(),
        }
    }
}

/// Returns true for errors of exhausted file descriptors or memory.
fn is_momentary(cause: &io::Error) -> bool {
    matches!(Errno::from_io_error(cause), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// All quarantined files.
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
    /// Opens the quarantine: reconciles records with bytes and requeues interrupted inspections. Blocks; used at
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

    /// Returns the number of files and their bytes, uploads in progress included.
    pub fn held(&self) -> (u64, u64) {
        (self.quota.files(), self.quota.used())
    }

    /// Returns the number of files without a verdict.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let states = [FileState::Received, FileState::Inspecting].map(FileState::as_str);
        self.store.run(move |db| db.count_files_in(states)).await
    }

    /// Returns the record of a file.
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
