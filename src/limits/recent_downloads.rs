//! Files that people fetched lately, so that the parts of one download count once.

use std::time::Duration;

use super::bounded::BoundedMap;
use crate::types::UserId;

/// Parts of one file by one person count once within this: 16 MiB at 30 kB/s take 9 minutes.
pub const DOWNLOAD_WINDOW: Duration = Duration::from_secs(600);
/// Pairs of person and file. One person adds at most the burst and ten refills within the window, 120 + 10 ×
/// 10 = 220; so 4096 are 18 people who fetch as much as they may. 64 bytes each: 256 KiB. Past it the oldest
/// is forgotten, whose next part costs a token more.
pub const RECENT_DOWNLOADS: usize = 4096;

/// Bounded record of who fetched which file when.
pub(super) struct RecentDownloads(BoundedMap<(UserId, u128), Duration>);

impl RecentDownloads {
    pub(super) fn new(cap: usize) -> Self {
        Self(BoundedMap::new(cap))
    }

    /// Returns true if `user` was charged for `file` within the window.
    pub(super) fn covers(&self, user: UserId, file: u128, now: Duration) -> bool {
        self.0.get(&(user, file)).is_some_and(|at| !is_over(*at, now))
    }

    /// Notes that `user` was charged for `file`.
    pub(super) fn note(&mut self, user: UserId, file: u128, now: Duration) {
        if let Some(at) = self.0.entry(&(user, file), |at| is_over(*at, now), |at| Some(*at), || now) {
            *at = now;
        }
    }

    /// Forgets what lies outside the window.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.0.retain(|at| !is_over(*at, now));
    }
}

fn is_over(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) >= DOWNLOAD_WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANA: UserId = UserId(1);

    #[test]
    fn charge_covers_its_person_and_file_for_ten_minutes() {
        let mut recent = RecentDownloads::new(9);
        recent.note(ANA, 7, Duration::ZERO);
        let covers = |user, file, at| recent.covers(user, file, Duration::from_secs(at));
        assert!(
            covers(ANA, 7, 599) && !covers(ANA, 7, 600) && !covers(ANA, 8, 0) && !covers(UserId(2), 7, 0)
        );
    }

    #[test]
    fn full_map_forgets_the_oldest() {
        let mut recent = RecentDownloads::new(2);
        for (file, at) in [(1, 0), (2, 1), (1, 2), (3, 3)] {
            recent.note(ANA, file, Duration::from_secs(at));
        }
        let now = Duration::from_secs(4);
        assert!(recent.covers(ANA, 1, now) && !recent.covers(ANA, 2, now) && recent.covers(ANA, 3, now));
        recent.sweep(Duration::from_secs(602));
        assert_eq!(recent.0.len(), 1);
    }

    proptest! {
        #[test]
        fn map_stays_within_its_cap(files in prop::collection::vec(0u128..50, 0..200)) {
            let mut recent = RecentDownloads::new(8);
            for (second, file) in (0..).zip(files) {
                let now = Duration::from_secs(second);
                recent.note(ANA, file, now);
                prop_assert!(recent.covers(ANA, file, now) && recent.0.len() <= 8);
            }
        }
    }
}
