//! Counters of refusals for metrics.

use crate::locks::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Counts by place and reason; a clone is a handle to the same counts. Both are words of the program's own,
/// never of a client, so there are as many counts as the source has such pairs: some fifty.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<BTreeMap<[&'static str; 2], u64>>>);

impl Counters {
    /// One refusal more.
    pub fn count(&self, at: &'static str, reason: &'static str) {
        *self.lock().entry([at, reason]).or_default() += 1;
    }

    /// All counts since the start, by place and reason.
    pub fn read(&self) -> BTreeMap<[&'static str; 2], u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[&'static str; 2], u64>> {
        lock(&self.0)
    }
}
