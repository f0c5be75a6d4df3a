//! Deletes files: first the record, then the bytes, with retries until they are gone.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blocking::blocking;
use super::record::{FileId, FileRecord};
use super::{Quarantine, QuarantineError};
use crate::audit::Event;
use crate::store::{Db, StoreError};
use crate::types::{UserId, UserName};

/// Unlinks of one retry: at 10 ms each on a slow card, under a second of one disk thread.
const UNLINKS_PER_RETRY: usize = 64;

/// A deleted file and the result of removing its bytes.
#[derive(Debug)]
pub struct Deletion {
    /// The record before the deletion.
    pub file: FileRecord,
    /// `Err` if the bytes are still there; the removal is retried.
    pub unlinked: io::Result<()>,
}

/// Quota that a file takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotaShare {
    pub(super) user: Option<UserId>,
    pub(super) bytes: u64,
}

/// Deleted files whose bytes could not be unlinked, at most one for each record.
#[derive(Debug, Default)]
pub(super) struct PendingRemovals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shares: BTreeMap<FileId, QuotaShare>,
    /// Last id of the previous batch, so that files that always fail do not block the others.
    cursor: Option<FileId>,
}

impl PendingRemovals {
    pub(super) fn new(shares: BTreeMap<FileId, QuotaShare>) -> Self {
        Self(Mutex::new(State { shares, cursor: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next batch, starting over at the end.
    fn batch(&self) -> Vec<(FileId, QuotaShare)> {
        let mut state = self.state();
        let from = state.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let batch: Vec<_> =
            state.shares.range((from, Bound::Unbounded)).take(UNLINKS_PER_RETRY).map(|(id, share)| (*id, *share)).collect();
        state.cursor = batch.last().filter(|_| batch.len() == UNLINKS_PER_RETRY).map(|(id, _)| *id);
        batch
    }
}

impl Quarantine {
    /// Deletes a file: one transaction removes the record and notes the bytes for removal, then the bytes are unlinked.
    /// `None` without a record. Runs to completion even if the caller is dropped. `allowed` is called while the
    /// database is locked, right before the deletion.
    pub async fn delete(
        self: &Arc<Self>,
        id: FileId,
        user: UserName,
        addr: IpAddr,
        allowed: impl FnOnce(&Db) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<Option<Deletion>, QuarantineError> {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.delete_to_the_end(id, user, addr, allowed).await });
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
        let remove = move |db: &mut Db| if allowed(db)? { db.remove_file(&id.to_string(), now).map(Some) } else { Ok(None) };
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
                self.removals.state().shares.insert(id, share);
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
                self.removals.state().shares.remove(&id);
                self.quota.release(share.user, share.bytes);
                self.audit.record(Event::FileUnlinked { id: id.to_string() }).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_round_all_pending_removals() {
        let ids: BTreeMap<_, _> =
            (0..UNLINKS_PER_RETRY + 3).map(|_| (FileId::random(), QuotaShare { user: None, bytes: 1 })).collect();
        let pending = PendingRemovals::new(ids.clone());
        let (first, second, third) = (pending.batch(), pending.batch(), pending.batch());
        assert_eq!((first.len(), second.len()), (UNLINKS_PER_RETRY, 3));
        let all: BTreeMap<_, _> = first.iter().chain(&second).copied().collect();
        assert_eq!(all, ids);
        assert_eq!(third, first, "those that did not yield have their turn again");
        assert!(PendingRemovals::default().batch().is_empty());
    }
}
