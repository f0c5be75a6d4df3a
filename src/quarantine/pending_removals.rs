//! Deleted files whose bytes are still to be removed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use super::quota::QuotaShare;
use super::record::FileId;
use crate::locks::lock;

/// Unlinks of one retry: at 10 ms each on a slow card, under a second of one disk thread.
const UNLINKS_PER_RETRY: usize = 64;

/// Deleted files whose bytes could not be unlinked, at most one for each record.
#[derive(Debug, Default)]
pub(super) struct PendingRemovals(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    shares: BTreeMap<FileId, QuotaShare>,
    /// Last id of the previous batch, so that files that always fail do not block the others.
    cursor: Option<FileId>,
}

impl PendingRemovals {
    pub(super) fn new(shares: BTreeMap<FileId, QuotaShare>) -> Self {
        Self(Mutex::new(Pending { shares, cursor: None }))
    }

    fn state(&self) -> MutexGuard<'_, Pending> {
        lock(&self.0)
    }

    pub(super) fn add(&self, id: FileId, share: QuotaShare) {
        self.state().shares.insert(id, share);
    }

    pub(super) fn remove(&self, id: FileId) {
        self.state().shares.remove(&id);
    }

    /// Returns the next batch, starting over at the end.
    pub(super) fn batch(&self) -> Vec<(FileId, QuotaShare)> {
        let mut state = self.state();
        let from = state.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let batch: Vec<_> = state
            .shares
            .range((from, Bound::Unbounded))
            .take(UNLINKS_PER_RETRY)
            .map(|(id, share)| (*id, *share))
            .collect();
        state.cursor = batch.last().filter(|_| batch.len() == UNLINKS_PER_RETRY).map(|(id, _)| *id);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_round_all_pending_removals() {
        let ids: BTreeMap<_, _> = (0..UNLINKS_PER_RETRY + 3)
            .map(|_| (FileId::random(), QuotaShare { user: None, bytes: 1 }))
            .collect();
        let pending = PendingRemovals::new(ids.clone());
        let (first, second, third) = (pending.batch(), pending.batch(), pending.batch());
        assert_eq!((first.len(), second.len()), (UNLINKS_PER_RETRY, 3));
        let all: BTreeMap<_, _> = first.iter().chain(&second).copied().collect();
        assert_eq!(all, ids);
        assert_eq!(third, first, "those that did not yield have their turn again");
        assert!(PendingRemovals::default().batch().is_empty());
    }
}
