//! Errors of the quarantine.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::folder_fault::FolderFault;
use crate::store::StoreError;

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
pub(super) fn is_momentary(cause: &io::Error) -> bool {
    matches!(Errno::from_io_error(cause), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

impl From<FolderFault> for QuarantineError {
    fn from(fault: FolderFault) -> Self {
        Self::Folder(Box::new(fault))
    }
}

/// Adds the path to a system error.
pub(super) fn with_path(dir: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", dir.display()))
}
