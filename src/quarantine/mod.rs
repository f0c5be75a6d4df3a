//! Uploaded files: names, storage on disk, quota, inspection and records.
//!
//! An upload is written under a temporary name and hashed while it streams. Then the file is synced and renamed, its
//! folder is synced, and the record is added. A power cut at any byte loses at most that upload.

mod adoption;
mod blocking;
mod content;
mod deletion;
mod disk;
mod disk_space;
mod error;
mod fair_queue;
mod file_name;
mod folder;
mod folder_fault;
pub mod inspect;
mod inspections;
mod listing;
mod media_type;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod quota;
mod range;
mod reconcile;
mod record;
mod survey;
mod upload;
mod write_back;

use std::sync::Arc;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::SharedConfig;
use crate::store::{FileRow, Store, StoreError};

pub use content::Content;
pub use deletion::Deletion;
use deletion::PendingRemovals;
use disk::FileStorage;
pub use error::QuarantineError;
use error::is_momentary;
pub use file_name::{FileName, NameError};
pub use folder::{FilesFolder, is_files_folder, orphans};
pub use folder_fault::{Flaw, FolderFault};
use inspections::Inspections;
use listing::Lists;
pub use listing::{ListedStates, visible};
use quota::Quota;
pub use quota::{FileTotals, QuotaLimits};
pub use range::ByteRange;
pub use reconcile::{Reconciled, reconcile};
pub use record::{FileId, FileRecord, FileState};
pub use survey::Orphan;
pub use upload::{ClientMetadata, Upload, UploadError};

/// All quarantined files.
pub struct Quarantine {
    disk: FileStorage,
    store: Store,
    quota: Arc<Quota>,
    removals: PendingRemovals,
    inspections: Inspections,
    lists: Lists,
    config: Arc<SharedConfig>,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

impl Quarantine {
    /// Opens the quarantine: reconciles records with bytes and requeues interrupted inspections. Blocks; used at
    /// start-up.
    pub fn open(
        folder: FilesFolder,
        store: Store,
        config: Arc<SharedConfig>,
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
    pub fn totals(&self) -> FileTotals {
        self.quota.totals()
    }

    #[cfg(test)]
    fn held(&self) -> (u64, u64) {
        let FileTotals { files, bytes } = self.totals();
        (files, bytes)
    }

    /// Returns the number of files without a verdict.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let states = [FileState::Received, FileState::Inspecting].map(FileState::as_str);
        self.store.run(move |db| db.count_files_in(states)).await
    }

    /// Returns the record of a file.
    pub async fn find(&self, id: FileId) -> Result<Option<FileRecord>, QuarantineError> {
        let row = self.store.run(move |db| db.file(&id.to_string())).await?;
        row.map(FileRecord::from_row).transpose().map_err(Into::into)
    }
}

fn record(row: FileRow) -> Result<FileRecord, StoreError> {
    FileRecord::from_row(row)
}
