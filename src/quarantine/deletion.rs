//! Deletes files: first the record, then the bytes, with retries until they are gone.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::blocking::blocking;
use super::error::QuarantineError;
use super::quota::QuotaShare;
use super::record::{FileId, FileRecord};
use super::service::Quarantine;
use crate::audit::Event;
use crate::detached;
use crate::store::{Db, StoreError};
use crate::types::UserName;

/// A deleted file and the result of removing its bytes.
#[derive(Debug)]
pub struct Deletion {
    /// The record before the deletion.
    pub file: FileRecord,
    /// `Err` if the bytes are still there; the removal is retried.
    pub unlinked: io::Result<()>,
}

impl Quarantine {
    /// Deletes a file: one transaction removes the record and notes the bytes for removal, then the bytes are
    /// unlinked. `None` without a record. Runs to completion even if the caller is dropped. `allowed` is
    /// called while the database is locked, right before the deletion.
    pub async fn delete(
        self: &Arc<Self>,
        id: FileId,
        user: UserName,
        addr: IpAddr,
        allowed: impl FnOnce(&Db) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<Option<Deletion>, QuarantineError> {
        let this = Arc::clone(self);
        let task = detached::task(async move { this.delete_to_the_end(id, user, addr, allowed).await });
        task.await.unwrap_or(Err(QuarantineError::Store(StoreError::Interrupted)))
    }

    async fn delete_to_the_end(
        &self,
        id: FileId,
        user: UserName,
        addr: IpAddr,
        allowed: impl FnOnce(&Db) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<Option<Deletion>, QuarantineError> {
        let now = self.clock.now();
        let remove = move |db: &mut Db| {
            if allowed(db)? { db.remove_file(&id.to_string(), now).map(Some) } else { Ok(None) }
        };
        let removed = self.store.run(remove).await?.ok_or(QuarantineError::NotAllowed)?;
        let Some(row) = removed else { return Ok(None) };
        let file = FileRecord::from_row(row)?;
        // The bytes of a lost file were released when they were found missing.
        let bytes = if file.state.is_lost() { 0 } else { file.size };
        let share = QuotaShare { user: file.uploader, bytes };
        let unlinked = self.unlink(id).await;
        let name = file.name.as_str().to_owned();
        let event = match &unlinked {
            Ok(()) => {
                self.quota.release(share.user, share.bytes);
                Event::FileDeleted { user, addr, id: id.to_string(), name }
            }
            Err(error) => {
                self.removals.add(id, share);
                Event::FileDeleteFailed { user, addr, id: id.to_string(), name, error: error.to_string() }
            }
        };
        self.audit.record(event).await;
        Ok(Some(Deletion { file, unlinked }))
    }

    /// Unlinks the bytes, then drops the noted removal.
    async fn unlink(&self, id: FileId) -> io::Result<()> {
        let disk = self.disk.clone();
        blocking(move || disk.remove(id)).await?;
        // The next start retries an entry that stays.
        let _ = self.store.run(move |db| db.drop_removals(&[id.to_string()])).await;
        Ok(())
    }

    /// Retries to unlink the bytes of deleted files. Called by housekeeping.
    pub async fn retry_removals(&self) {
        for (id, share) in self.removals.batch() {
            if self.unlink(id).await.is_ok() {
                self.removals.remove(id);
                self.quota.release(share.user, share.bytes);
                self.audit.record(Event::FileUnlinked { id: id.to_string() }).await;
            }
        }
    }
}
