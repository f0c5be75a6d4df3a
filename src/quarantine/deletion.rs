//! Deletes files: record first, bytes second, and the bytes again until they are gone.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{FileId, FileRecord};
use super::{Quarantine, QuarantineError, record};
use crate::audit::Event;
use crate::store::{Db, StoreError};
use crate::types::{UserId, UserName};

/// Unlinks that one retry tries: on a card that answers slowly, some 10 ms each, under a second of one disk thread.
const UNLINKS_PER_RETRY: usize = 64;

/// A deleted file, and whether its bytes are gone too.
#[derive(Debug)]
pub struct Deletion {
    /// The file as it was.
    pub file: FileRecord,
    /// `Err` while the bytes are still there; they are tried again.
    pub unlinked: io::Result<()>,
}

/// Room that a file takes in the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) user: Option<UserId>,
    pub(super) bytes: u64,
}

/// Deleted files whose bytes could not be unlinked. At most as many as there were records.
#[derive(Debug, Default)]
pub(super) struct PendingRemovals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shares: BTreeMap<FileId, Share>,
    /// Last one of the batch before, so that files that never yield do not keep others waiting.
    cursor: Option<FileId>,
}

impl PendingRemovals {
    pub(super) fn new(shares: BTreeMap<FileId, Share>) -> Self {
        Self(Mutex::new(State { shares, cursor: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Next batch, round and round.
    fn batch(&self) -> Vec<(FileId, Share)> {
        let mut state = self.state();
        let from = state.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let batch: Vec<_> =
            state.shares.range((from, Bound::Unbounded)).take(UNLINKS_PER_RETRY).map(|(id, share)| (*id, *share)).collect();
        state.cursor = batch.last().filter(|_| batch.len() == UNLINKS_PER_RETRY).map(|(id, _)| *id);
        batch
    }
}

impl Quarantine {
    /// Deletes a file: in one transaction its record goes and its bytes are noted for removal, then they are unlinked. `None` without
    /// a record. Carried out to its end even if the caller goes away. `allowed` is asked while the database is held, right before.
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
        let file = record(row)?;
        // The bytes of a lost file were given back when they were missed.
        let bytes = if file.state.is_lost() { 0 } else { file.size };
        let share = Share { user: file.uploader, bytes };
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

    /// Unlinks the bytes, then forgets the removal.
    async fn unlink(&self, id: FileId) -> io::Result<()> {
        let disk = self.disk.clone();
        super::blocking(move || disk.remove(id)).await?;
        // An entry that stays is tried once more at the next start.
        let _ = self.store.run(move |db| db.drop_removals(&[id.to_string()])).await;
        Ok(())
    }

    /// Tries to unlink the bytes of deleted files once more. For housekeeping.
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
            (0..UNLINKS_PER_RETRY + 3).map(|_| (FileId::random(), Share { user: None, bytes: 1 })).collect();
        let pending = PendingRemovals::new(ids.clone());
        let (first, second, third) = (pending.batch(), pending.batch(), pending.batch());
        assert_eq!((first.len(), second.len()), (UNLINKS_PER_RETRY, 3));
        let all: BTreeMap<_, _> = first.iter().chain(&second).copied().collect();
        assert_eq!(all, ids);
        assert_eq!(third, first, "those that did not yield have their turn again");
        assert!(PendingRemovals::default().batch().is_empty());
    }
}
