//! Freshness of the accounts in memory: changes that were not read yet, and failing reads.

use crate::locks::lock;
use std::sync::Mutex;
use std::time::Duration;

/// Time of failing reads after which no session counts. A lock or a reset must act within a second, but a
/// disk that stalls for some seconds must not sign an office out.
pub const UNREADABLE_FOR: Duration = Duration::from_secs(10);

/// Freshness of the accounts: pending changes, and the time since which reads fail.
#[derive(Default)]
pub(super) struct Freshness(Mutex<Reads>);

#[derive(Default)]
struct Reads {
    /// A change has not been read yet; a failing read leaves it set.
    pending: bool,
    failing_since: Option<Duration>,
}

/// Transition of the suspension of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspension {
    /// The accounts were unreadable for too long.
    Suspend,
    /// The accounts are readable again.
    Resume,
}

impl Freshness {
    fn with<T>(&self, work: impl FnOnce(&mut Reads) -> T) -> T {
        work(&mut lock(&self.0))
    }

    /// Records a change; returns true if a read is due.
    pub(super) fn note(&self, changed: bool) -> bool {
        self.with(|state| {
            state.pending |= changed;
            state.pending
        })
    }

    /// Records a complete read.
    pub(super) fn read(&self) {
        self.with(|state| state.pending = false);
    }

    /// Records the result of a read. `suspended`: no session counts at the moment.
    pub(super) fn looked(&self, worked: bool, suspended: bool, mono: Duration) -> Option<Suspension> {
        self.with(|state| {
            if worked {
                state.failing_since = None;
                return suspended.then_some(Suspension::Resume);
            }
            let since = *state.failing_since.get_or_insert(mono);
            (!suspended && mono.saturating_sub(since) >= UNREADABLE_FOR).then_some(Suspension::Suspend)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn change_stays_pending_until_read() {
        let freshness = Freshness::default();
        assert!(!freshness.note(false));
        assert!(freshness.note(true));
        // The read failed: the next look finds no change in the store, but a read is still due.
        assert!(freshness.note(false));
        freshness.read();
        assert!(!freshness.note(false));
    }

    #[test]
    fn sessions_are_suspended_once_after_10_s_of_failures() {
        let freshness = Freshness::default();
        let at = |n: u32| n * SECOND;
        assert_eq!(freshness.looked(true, false, at(0)), None);
        for n in 5..15 {
            assert_eq!(freshness.looked(false, false, at(n)), None, "{n}");
        }
        assert_eq!(freshness.looked(false, false, at(15)), Some(Suspension::Suspend));
        assert_eq!(freshness.looked(false, true, at(16)), None, "once");
        assert_eq!(freshness.looked(true, true, at(17)), Some(Suspension::Resume));
        assert_eq!(freshness.looked(true, false, at(18)), None);
        assert_eq!(freshness.looked(false, false, at(40)), None, "the time begins anew");
    }
}
