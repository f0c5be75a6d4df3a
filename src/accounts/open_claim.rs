//! The open claim in memory, with its expiry.

use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Now;
use crate::locks::lock;
use crate::store::ClaimRow;

/// Copy of the open claim for the network threads; the store decides.
#[derive(Default)]
pub(super) struct OpenClaim(Mutex<Option<Open>>);

struct Open {
    row: ClaimRow,
    /// Monotonic time at which it expires.
    until: Option<Duration>,
}

impl Open {
    fn is_over(&self, mono: Duration) -> bool {
        self.until.is_some_and(|until| until <= mono)
    }
}

impl OpenClaim {
    fn with<T>(&self, work: impl FnOnce(&mut Option<Open>) -> T) -> T {
        work(&mut lock(&self.0))
    }

    /// Returns the claim while it is open.
    pub(super) fn get(&self, mono: Duration) -> Option<ClaimRow> {
        self.with(|open| open.as_ref().filter(|open| !open.is_over(mono)).map(|open| open.row.clone()))
    }

    /// Returns the claim once it has expired.
    pub(super) fn lapsed(&self, mono: Duration) -> Option<ClaimRow> {
        self.with(|open| open.as_ref().filter(|open| open.is_over(mono)).map(|open| open.row.clone()))
    }

    /// Sets the claim that the store holds. The expiry of a known claim does not change: the wall clock
    /// counts only the first time.
    pub(super) fn set(&self, row: Option<ClaimRow>, now: Now) {
        self.with(|open| {
            let known =
                open.as_ref().zip(row.as_ref()).filter(|(open, row)| open.row.code.matches(&row.code));
            if known.is_none_or(|(open, row)| open.row.kind != row.kind) {
                *open = row.map(|row| Open {
                    until: row.left(now.wall).map(|left| now.mono.saturating_add(left)),
                    row,
                });
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::RECLAIM_LIFE;
    use crate::types::{ClaimCode, ClaimKind};

    fn row(opened_at: i64) -> ClaimRow {
        ClaimRow { code: ClaimCode::random(), kind: ClaimKind::Again, opened_at: Timestamp(opened_at) }
    }

    fn now(wall: i64, mono: Duration) -> Now {
        Now { wall: Timestamp(wall), mono }
    }

    #[test]
    fn claim_expires_by_the_monotonic_clock() {
        let (claim, opened) = (OpenClaim::default(), row(1000));
        let start = Duration::from_secs(50);
        claim.set(Some(opened.clone()), now(1000, start));
        let last = start + RECLAIM_LIFE - Duration::from_millis(1);
        // The wall clock is set far forward and back, and the store is read each time: the expiry stays.
        for wall in [i64::MAX, 0, i64::MIN] {
            claim.set(Some(opened.clone()), now(wall, last));
            assert!(claim.get(last).is_some() && claim.lapsed(last).is_none(), "{wall}");
        }
        let over = start + RECLAIM_LIFE;
        assert!(claim.get(over).is_none() && claim.lapsed(over).is_some());
        claim.set(Some(row(1000)), now(1000, over));
        assert!(claim.get(over).is_some(), "another code has a time of its own");
    }

    #[test]
    fn claim_too_old_or_in_the_future_is_expired() {
        for opened_at in [0, 2_000_000_000] {
            let claim = OpenClaim::default();
            claim.set(Some(row(opened_at)), now(1_000_000_000, Duration::ZERO));
            assert!(
                claim.get(Duration::ZERO).is_none() && claim.lapsed(Duration::ZERO).is_some(),
                "{opened_at}"
            );
        }
    }
}
