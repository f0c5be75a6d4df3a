//! Room in the store: reserved before a byte is written, given back by `Drop`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes of all files together.
    pub max_total: u64,
    /// Number of files.
    pub max_files: u64,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Full {
    /// The bytes would pass the cap.
    #[error("the file store may not hold more than {max_total} bytes")]
    Bytes {
        /// The cap in force.
        max_total: u64,
    },
    /// The files would pass the cap.
    #[error("the file store may not hold more than {max_files} files")]
    Files {
        /// The cap in force.
        max_files: u64,
    },
}

/// Bytes and files that the store holds or has promised.
#[derive(Debug)]
pub(super) struct Quota(Mutex<Held>);

#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: u64,
    files: u64,
}

impl Quota {
    /// Starts with what is there already: `used` bytes in `files` files.
    pub(super) fn new(used: u64, files: u64) -> Self {
        Self(Mutex::new(Held { bytes: used, files }))
    }

    /// Bytes held and promised.
    pub(super) fn used(&self) -> u64 {
        self.held().bytes
    }

    /// Files held and promised.
    pub(super) fn files(&self) -> u64 {
        self.held().files
    }

    /// Promises room for one more file of `bytes`, which may grow. Both caps or nothing.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64, limits: &QuotaLimits) -> Result<Reservation, Full> {
        let mut held = self.held();
        if held.files >= limits.max_files {
            return Err(Full::Files { max_files: limits.max_files });
        }
        held.bytes = grown(held.bytes, bytes, limits)?;
        held.files += 1;
        Ok(Reservation { quota: Arc::clone(self), bytes, limits: *limits, committed: false })
    }

    /// Takes note of one deleted file of `bytes`.
    pub(super) fn release(&self, bytes: u64) {
        let mut held = self.held();
        held.bytes = held.bytes.saturating_sub(bytes);
        held.files = held.files.saturating_sub(1);
    }

    /// Two numbers that change together, for nanoseconds: no atomics. A poisoned lock still holds two right numbers.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn grown(bytes: u64, more: u64, limits: &QuotaLimits) -> Result<u64, Full> {
    bytes.checked_add(more).filter(|sum| *sum <= limits.max_total).ok_or(Full::Bytes { max_total: limits.max_total })
}

/// Room for one file on its way in; given back when dropped, unless committed.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub(super) struct Reservation {
    quota: Arc<Quota>,
    /// Promised so far.
    bytes: u64,
    /// Those of the start of the upload: a reload does not cut off what is under way.
    limits: QuotaLimits,
    committed: bool,
}

impl Reservation {
    /// Bytes promised so far.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Room for `more` bytes of the same file; when refused, what was promised before stays.
    pub(super) fn grow(&mut self, more: u64) -> Result<(), Full> {
        let mut held = self.quota.held();
        held.bytes = grown(held.bytes, more, &self.limits)?;
        self.bytes += more;
        Ok(())
    }

    /// The file is there and has `exact` bytes: from now on they are held, until `Quota::release`. What was promised beyond is given
    /// back; a file larger than promised (a caller's fault) is counted as it is.
    pub(super) fn commit(mut self, exact: u64) {
        let mut held = self.quota.held();
        held.bytes = held.bytes.saturating_sub(self.bytes).saturating_add(exact);
        self.committed = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.committed {
            self.quota.release(self.bytes);
        }
    }
}

/// Whether `wanted` more bytes leave at least `keep_free_percent` of the disk free.
pub(super) fn disk_allows(free: u64, total: u64, wanted: u64, keep_free_percent: u8) -> bool {
    let keep = u128::from(total) * u128::from(keep_free_percent);
    free.checked_sub(wanted).is_some_and(|left| u128::from(left) * 100 >= keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: QuotaLimits = QuotaLimits { max_total: 100, max_files: 3 };

    fn empty() -> Arc<Quota> {
        Arc::new(Quota::new(0, 0))
    }

    #[test]
    fn a_dropped_reservation_leaves_nothing() {
        let quota = empty();
        let mut held = quota.reserve(60, &LIMITS).unwrap();
        assert_eq!(quota.reserve(41, &LIMITS).unwrap_err(), Full::Bytes { max_total: 100 });
        assert_eq!(held.grow(41), Err(Full::Bytes { max_total: 100 }));
        assert_eq!(held.grow(40), Ok(()));
        assert_eq!((quota.used(), quota.files(), held.bytes()), (100, 1, 100));
        drop(held);
        assert_eq!((quota.used(), quota.files()), (0, 0));
    }

    #[test]
    fn a_committed_file_counts_until_it_is_deleted() {
        let quota = empty();
        quota.reserve(60, &LIMITS).unwrap().commit(10);
        assert_eq!((quota.used(), quota.files()), (10, 1));
        quota.release(10);
        quota.release(10);
        assert_eq!((quota.used(), quota.files()), (0, 0));
    }

    #[test]
    fn files_are_counted_too() {
        let quota = Arc::new(Quota::new(5, 2));
        let last = quota.reserve(0, &LIMITS).unwrap();
        assert_eq!(quota.reserve(0, &LIMITS).unwrap_err(), Full::Files { max_files: 3 });
        drop(last);
        assert!(quota.reserve(u64::MAX, &LIMITS).is_err());
        assert!(quota.reserve(95, &LIMITS).is_ok());
    }

    #[test]
    fn the_disk_keeps_its_share() {
        assert!(disk_allows(100, 1000, 50, 5));
        assert!(!disk_allows(100, 1000, 51, 5));
        assert!(!disk_allows(100, 1000, 101, 0));
        assert!(disk_allows(100, 1000, 100, 0));
        assert!(disk_allows(u64::MAX, u64::MAX, 0, 100));
        assert!(!disk_allows(u64::MAX - 1, u64::MAX, 0, 200));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn many_uploads_at_once_never_pass_the_caps(
            max_total in 1..5000_u64,
            max_files in 1..12_u64,
            plans in proptest::collection::vec(proptest::collection::vec((0..900_u64, 0..900_u64, any::<bool>()), 1..60), 8),
        ) {
            let quota = empty();
            let limits = QuotaLimits { max_total, max_files };
            std::thread::scope(|scope| {
                for plan in &plans {
                    let quota = &quota;
                    scope.spawn(move || for &(bytes, more, commit) in plan {
                        let Ok(mut held) = quota.reserve(bytes, &limits) else { continue };
                        let _ = held.grow(more);
                        assert!(quota.used() <= max_total && quota.files() <= max_files);
                        std::thread::yield_now();
                        if commit {
                            let exact = held.bytes() / 2;
                            held.commit(exact);
                            assert!(quota.used() <= max_total && quota.files() <= max_files);
                            quota.release(exact);
                        }
                    });
                }
            });
            prop_assert_eq!((quota.used(), quota.files()), (0, 0));
        }
    }
}
