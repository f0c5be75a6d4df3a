//! Wrong passwords that came with one device cookie.

use std::collections::VecDeque;
use std::time::Duration;

/// Devices with a wrong password. At most 250 bytes each: 1 MiB.
pub const SIGN_IN_DEVICES: usize = 4096;
/// Wrong passwords in [`WINDOW`] that end a device cookie.
pub const FAILURES_PER_DEVICE: u32 = 10;
const WINDOW: Duration = Duration::from_secs(3600);

/// Random bytes of a device cookie, or of a session that stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub [u8; 16]);

/// Failures of one device.
#[derive(Default)]
pub(super) struct DeviceRecord {
    failures: VecDeque<Duration>,
    ended: bool,
}

impl DeviceRecord {
    pub(super) fn record_failure(&mut self, now: Duration) {
        self.forget(now);
        self.failures.push_back(now);
        if self.failures(now) >= FAILURES_PER_DEVICE {
            self.ended = true;
            self.failures = VecDeque::new();
        }
    }

    /// Ended devices stay so while the program runs, as long as the map has room.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns how many failures count at `now`.
    pub(super) fn failures(&self, now: Duration) -> u32 {
        let recent = self.failures.iter().filter(|&&at| now.saturating_sub(at) < WINDOW);
        u32::try_from(recent.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_idle(&self, now: Duration) -> bool {
        !self.ended && self.failures(now) == 0
    }

    /// Returns the order in which records are forgotten: ended devices last.
    pub(super) fn rank(&self, now: Duration) -> impl Ord + use<> {
        (self.ended, self.failures(now), self.failures.back().copied())
    }

    fn forget(&mut self, now: Duration) {
        while self.failures.front().is_some_and(|&at| now.saturating_sub(at) >= WINDOW) {
            self.failures.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ten_failures_in_an_hour_end_a_device() {
        let mut record = DeviceRecord::default();
        for second in 0..9 {
            record.record_failure(at(second));
        }
        assert_eq!(record.failures(at(9)), 9);
        assert!(!record.is_ended());
        record.record_failure(at(3599));
        assert!(record.is_ended() && !record.is_idle(at(1_000_000)));
    }

    #[test]
    fn failures_slower_than_that_end_nothing() {
        let mut record = DeviceRecord::default();
        for n in 0..1000 {
            record.record_failure(at(n * 400));
            assert!(record.failures.len() < 10);
        }
        assert!(!record.is_ended());
        assert!(record.is_idle(at(1000 * 400 + 3600)));
    }
}
