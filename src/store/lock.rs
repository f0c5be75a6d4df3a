//! Lock of the data folder: shared by all users of its database, exclusive for the one that replaces it.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::StoreError;
use super::fault::DatabaseFault;

/// Lock of a data folder, released on drop.
pub(super) struct FolderLock(#[allow(dead_code, reason = "held for the lock")] File);

impl FolderLock {
    /// Takes the shared lock.
    pub(super) fn shared(folder: &Path) -> Result<Self, StoreError> {
        Self::take(folder, FlockOperation::NonBlockingLockShared)
    }

    /// Takes the exclusive lock.
    pub(super) fn exclusive(folder: &Path) -> Result<Self, StoreError> {
        Self::take(folder, FlockOperation::NonBlockingLockExclusive)
    }

    fn take(folder: &Path, operation: FlockOperation) -> Result<Self, StoreError> {
        let file = File::open(folder).map_err(|error| named(folder, &error))?;
        match flock(&file, operation) {
            Err(Errno::WOULDBLOCK) => Err(DatabaseFault::InUse { folder: folder.to_owned() }.into()),
            // Some network file systems have no locks; the lock is skipped there.
            Ok(()) | Err(_) => Ok(Self(file)),
        }
    }
}

/// Adds the path to an error of the system.
pub(super) fn named(path: &Path, error: &io::Error) -> StoreError {
    StoreError::File(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
