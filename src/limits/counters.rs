//! Counters of refusals for metrics.

use crate::locks::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Place and reason of a refusal. Both are words of the program's own, never of a client, so there are as many
/// as the source has such pairs: some fifty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusalKind {
    /// Part of the program that refused.
    pub at: &'static str,
    /// Stable word for the reason.
    pub reason: &'static str,
}

/// Counts by place and reason; a clone is a handle to the same counts.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<BTreeMap<RefusalKind, u64>>>);

impl Counters {
    /// One refusal more.
    pub fn count(&self, at: &'static str, reason: &'static str) {
        *self.lock().entry(RefusalKind { at, reason }).or_default() += 1;
    }

    /// All counts since the start, by place and reason.
    pub fn read(&self) -> BTreeMap<RefusalKind, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RefusalKind, u64>> {
        lock(&self.0)
    }
}
