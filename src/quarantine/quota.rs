//! Quota of the file store and of each user: reserved before a byte is written, released on drop.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::locks::lock;
use crate::types::UserId;

/// Limits of the file store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes of all files together.
    pub max_total: u64,
    /// Number of files.
    pub max_files: u64,
    /// Bytes of one user's files.
    pub user_total: u64,
    /// Number of one user's files.
    pub user_files: u64,
}

/// Quota that a file takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotaShare {
    pub(super) user: Option<UserId>,
    pub(super) bytes: u64,
}

/// Limit that a file would exceed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum QuotaExceeded {
    /// Bytes of all files.
    #[error("the file store cannot hold more than {max_total} bytes")]
    Bytes {
        /// The cap in force.
        max_total: u64,
    },
    /// Number of all files.
    #[error("the file store cannot hold more than {max_files} files")]
    Files {
        /// The cap in force.
        max_files: u64,
    },
    /// Bytes of this user's files.
    #[error("one user's files cannot have more than {user_total} bytes")]
    UserBytes {
        /// The cap in force.
        user_total: u64,
    },
    /// Number of this user's files.
    #[error("one user cannot have more than {user_files} files")]
    UserFiles {
        /// The cap in force.
        user_files: u64,
    },
}

/// Bytes and files stored or reserved.
#[derive(Debug)]
pub(super) struct Quota(Mutex<Usage>);

/// Number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// Number of files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

/// Sums under one lock, held for nanoseconds, so that the total and a user's sum change together.
#[derive(Debug, Default)]
struct Usage {
    all: FileTotals,
    /// Only users with at least one file, so at most one entry a file.
    of_user: HashMap<UserId, FileTotals>,
}

impl Usage {
    fn add(&mut self, user: Option<UserId>, bytes: u64) {
        self.all = FileTotals { files: self.all.files + 1, bytes: self.all.bytes.saturating_add(bytes) };
        if let Some(user) = user {
            let own = self.of_user.entry(user).or_default();
            *own = FileTotals { bytes: own.bytes.saturating_add(bytes), files: own.files + 1 };
        }
    }

    fn remove(&mut self, user: Option<UserId>, bytes: u64) {
        let less = |sum: FileTotals| FileTotals {
            bytes: sum.bytes.saturating_sub(bytes),
            files: sum.files.saturating_sub(1),
        };
        self.all = less(self.all);
        if let Some(user) = user
            && let Entry::Occupied(mut own) = self.of_user.entry(user)
        {
            *own.get_mut() = less(*own.get());
            if own.get().files == 0 {
                own.remove();
            }
        }
    }

    /// Changes the bytes of a counted file.
    fn resize(&mut self, user: Option<UserId>, from: u64, to: u64) {
        let change = |bytes: u64| bytes.saturating_sub(from).saturating_add(to);
        self.all.bytes = change(self.all.bytes);
        if let Some(own) = user.and_then(|user| self.of_user.get_mut(&user)) {
            own.bytes = change(own.bytes);
        }
    }

    fn of(&self, user: UserId) -> FileTotals {
        self.of_user.get(&user).copied().unwrap_or_default()
    }

    /// Checks both limits on bytes. The store's comes first: a full store is nothing that a user can change
    /// by deleting files.
    fn fits(&self, user: UserId, more: u64, limits: &QuotaLimits) -> Result<(), QuotaExceeded> {
        let within = |held: u64, cap| held.checked_add(more).is_some_and(|sum| sum <= cap);
        if !within(self.all.bytes, limits.max_total) {
            return Err(QuotaExceeded::Bytes { max_total: limits.max_total });
        }
        if !within(self.of(user).bytes, limits.user_total) {
            return Err(QuotaExceeded::UserBytes { user_total: limits.user_total });
        }
        Ok(())
    }
}

impl Quota {
    /// Counts existing files.
    pub(super) fn new(files: impl IntoIterator<Item = QuotaShare>) -> Self {
        let mut held = Usage::default();
        files.into_iter().for_each(|share| held.add(share.user, share.bytes));
        Self(Mutex::new(held))
    }

    /// Returns what is stored and reserved.
    pub(super) fn totals(&self) -> FileTotals {
        self.held().all
    }

    /// Reserves one file of `user` with `bytes`, which may grow. Fails without effect if any limit is
    /// exceeded.
    pub(super) fn reserve(
        self: &Arc<Self>,
        user: UserId,
        bytes: u64,
        limits: &QuotaLimits,
    ) -> Result<Reservation, QuotaExceeded> {
        let mut held = self.held();
        if held.all.files >= limits.max_files {
            return Err(QuotaExceeded::Files { max_files: limits.max_files });
        }
        if held.of(user).files >= limits.user_files {
            return Err(QuotaExceeded::UserFiles { user_files: limits.user_files });
        }
        held.fits(user, bytes, limits)?;
        held.add(Some(user), bytes);
        Ok(Reservation { quota: Arc::clone(self), user, bytes, limits: *limits, committed: false })
    }

    /// Releases one deleted file of `bytes`.
    pub(super) fn release(&self, user: Option<UserId>, bytes: u64) {
        self.held().remove(user, bytes);
    }

    /// Releases the `bytes` of a recorded file that are gone; its record still counts.
    pub(super) fn release_bytes(&self, user: Option<UserId>, bytes: u64) {
        self.held().resize(user, bytes, 0);
    }

    /// Locks the sums; they stay valid in a poisoned lock.
    fn held(&self) -> MutexGuard<'_, Usage> {
        lock(&self.0)
    }
}

/// Quota reserved for one upload; released on drop, unless committed.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub(super) struct Reservation {
    quota: Arc<Quota>,
    user: UserId,
    /// Reserved so far.
    bytes: u64,
    /// Limits at the start of the upload: a reload does not cut off uploads in progress.
    limits: QuotaLimits,
    committed: bool,
}

impl Reservation {
    /// Returns the bytes reserved so far.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reserves `more` bytes for the same file; a failure keeps what was reserved before.
    pub(super) fn grow(&mut self, more: u64) -> Result<(), QuotaExceeded> {
        let mut held = self.quota.held();
        held.fits(self.user, more, &self.limits)?;
        held.resize(Some(self.user), 0, more);
        self.bytes += more;
        Ok(())
    }

    /// Replaces the reservation by the file's `exact` bytes, which count until `Quota::release`. A file
    /// larger than its reservation, a fault of the caller, counts in full.
    pub(super) fn commit(mut self, exact: u64) {
        self.quota.held().resize(Some(self.user), self.bytes, exact);
        self.committed = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.committed {
            self.quota.release(Some(self.user), self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Limits whose totals are fixed and whose shares of one user are the arguments.
    fn limits(user_total: u64, user_files: u64) -> QuotaLimits {
        QuotaLimits { max_total: 100, max_files: 3, user_total, user_files }
    }

    const ANA: UserId = UserId(1);
    const BETO: UserId = UserId(2);

    fn share(user: Option<UserId>, bytes: u64) -> QuotaShare {
        QuotaShare { user, bytes }
    }

    fn empty() -> Arc<Quota> {
        Arc::new(Quota::new([]))
    }

    fn used(quota: &Quota) -> u64 {
        quota.totals().bytes
    }

    fn files(quota: &Quota) -> u64 {
        quota.totals().files
    }

    fn of(quota: &Quota, user: UserId) -> (u64, u64) {
        let sum = quota.held().of(user);
        (sum.bytes, sum.files)
    }

    #[test]
    fn dropped_reservation_releases_everything() {
        let (quota, limits) = (empty(), limits(100, 3));
        let mut held = quota.reserve(ANA, 60, &limits).unwrap();
        assert_eq!(quota.reserve(ANA, 41, &limits).unwrap_err(), QuotaExceeded::Bytes { max_total: 100 });
        assert_eq!(held.grow(41), Err(QuotaExceeded::Bytes { max_total: 100 }));
        assert_eq!(held.grow(40), Ok(()));
        assert_eq!((used(&quota), files(&quota), held.bytes()), (100, 1, 100));
        drop(held);
        assert_eq!((used(&quota), files(&quota)), (0, 0));
        assert!(quota.held().of_user.is_empty(), "nothing is kept of a person without files");
    }

    #[test]
    fn committed_file_counts_until_deletion() {
        let quota = empty();
        quota.reserve(ANA, 60, &limits(100, 3)).unwrap().commit(10);
        assert_eq!((used(&quota), files(&quota), of(&quota, ANA)), (10, 1, (10, 1)));
        quota.release(Some(ANA), 10);
        quota.release(Some(ANA), 10);
        assert_eq!((used(&quota), files(&quota), of(&quota, ANA)), (0, 0, (0, 0)));
    }

    #[test]
    fn number_of_files_is_limited() {
        let (quota, limits) = (Arc::new(Quota::new([share(None, 2), share(Some(BETO), 3)])), limits(100, 3));
        let last = quota.reserve(ANA, 0, &limits).unwrap();
        assert_eq!(quota.reserve(ANA, 0, &limits).unwrap_err(), QuotaExceeded::Files { max_files: 3 });
        drop(last);
        assert!(quota.reserve(ANA, u64::MAX, &limits).is_err());
        assert!(quota.reserve(ANA, 95, &limits).is_ok());
    }

    #[test]
    fn share_of_one_user_leaves_room_for_others() {
        let (quota, limits) = (
            Arc::new(Quota::new([share(Some(ANA), 20), share(None, 5)])),
            QuotaLimits { max_files: 9, ..limits(25, 2) },
        );
        let mut second = quota.reserve(ANA, 0, &limits).unwrap();
        assert_eq!(quota.reserve(ANA, 0, &limits).unwrap_err(), QuotaExceeded::UserFiles { user_files: 2 });
        assert_eq!(second.grow(6), Err(QuotaExceeded::UserBytes { user_total: 25 }));
        assert_eq!(second.grow(5), Ok(()));
        assert!(quota.reserve(BETO, 25, &limits).is_ok());
        quota.release(Some(ANA), 20);
        assert_eq!(second.grow(20), Ok(()), "a deletion frees quota");
        second.commit(1);
        assert_eq!(of(&quota, ANA), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn concurrent_uploads_never_exceed_quota(
            max_total in 1..5000_u64,
            max_files in 1..12_u64,
            user_total in 1..2000_u64,
            user_files in 1..5_u64,
            plans in proptest::collection::vec(proptest::collection::vec((0..3_i64, 0..900_u64, 0..900_u64, any::<bool>()), 1..60), 8),
        ) {
            let quota = empty();
            let limits = QuotaLimits { max_total, max_files, user_total, user_files };
            let within = |user| {
                let (own_bytes, own_files) = of(&quota, user);
                own_bytes <= user_total && own_files <= user_files && used(&quota) <= max_total && files(&quota) <= max_files
            };
            std::thread::scope(|scope| {
                for plan in &plans {
                    let (quota, within) = (&quota, &within);
                    scope.spawn(move || for &(user, bytes, more, commit) in plan {
                        let user = UserId(user);
                        let Ok(mut held) = quota.reserve(user, bytes, &limits) else { continue };
                        let _ = held.grow(more);
                        assert!(within(user));
                        std::thread::yield_now();
                        if commit {
                            let exact = held.bytes() / 2;
                            held.commit(exact);
                            assert!(within(user));
                            quota.release(Some(user), exact);
                        }
                    });
                }
            });
            prop_assert_eq!((used(&quota), files(&quota)), (0, 0));
            prop_assert!(quota.held().of_user.is_empty());
        }
    }
}
