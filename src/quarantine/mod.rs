//! Uploaded files: names, storage on disk, quota, inspection and records.
//!
//! An upload is written under a temporary name and hashed while it streams. Then the file is synced and
//! renamed, its folder is synced, and the record is added. A power cut at any byte loses at most that upload.

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
mod inspection_signals;
mod inspector;
mod listing;
mod media_type;
mod pending_removals;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod quota;
mod range;
mod reconcile;
mod record;
mod service;
mod survey;
mod upload;
mod write_back;

pub use content::Content;
pub use deletion::Deletion;
pub use error::QuarantineError;
pub use file_name::{FileName, NameError};
pub use folder::{FilesFolder, is_files_folder, orphans};
pub use folder_fault::{Flaw, FolderFault};
pub use inspector::Inspector;
pub use listing::{ListedStates, visible};
pub use quota::{FileTotals, QuotaLimits};
pub use range::ByteRange;
pub use reconcile::{Reconciled, reconcile};
pub use record::{FileId, FileRecord, FileState};
pub use service::Quarantine;
pub use survey::Orphan;
pub use upload::{ClientMetadata, Upload, UploadError};
