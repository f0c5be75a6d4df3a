//! Failed sign-ins that wait to be stored.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::locks::lock;
use crate::store::{Db, StoreError};
use crate::types::UserId;

/// Failed sign-ins that the store does not count yet. Only accounts that exist are counted, so the map has at
/// most one entry of 24 bytes for each. It is stored and emptied every half minute; a power cut loses it.
#[derive(Default)]
pub(super) struct UnsavedFailures(Mutex<HashMap<UserId, u64>>);

impl UnsavedFailures {
    /// Counts a failed sign-in.
    pub(super) fn note(&self, user: UserId) {
        let mut failures = lock(&self.0);
        let count = failures.entry(user).or_default();
        *count = count.saturating_add(1);
    }

    /// Returns the count of an account.
    pub(super) fn of(&self, user: UserId) -> u64 {
        lock(&self.0).get(&user).copied().unwrap_or_default()
    }

    /// Stores the counts while the database is locked. They stay if that fails.
    pub(super) fn save(&self, db: &mut Db) -> Result<(), StoreError> {
        // Not locked during the write: a failed sign-in must not wait for the disk.
        let taken = std::mem::take(&mut *lock(&self.0));
        if taken.is_empty() {
            return Ok(());
        }
        let saved = db.add_failed_sign_ins(&taken);
        if saved.is_err() {
            let mut failures = lock(&self.0);
            for (user, count) in taken {
                let all = failures.entry(user).or_default();
                *all = all.saturating_add(count);
            }
        }
        saved
    }
}
