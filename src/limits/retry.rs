//! Retry-After value, and its first mention a minute.

use crate::types::token_bucket::nanos;
use std::time::Duration;

/// One [`RetryAfter::first`] a key and minute: a refusal is worth an audit line, a flood of them is worth no
/// more than one.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Refused for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// After this it may be tried again.
    pub retry: Duration,
    /// This refusal is the one to be written to the audit log: the first of this key, or the first for a
    /// minute.
    pub first: bool,
}

impl RetryAfter {
    /// For `Retry-After`: whole seconds, rounded up, at least 1.
    pub fn seconds(&self) -> u64 {
        whole_seconds(self.retry)
    }
}

/// Whole seconds, rounded up, at least 1: who comes back then does not come too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// When the last refusal of a key was told, in nanoseconds and 1; 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LogThrottle(u64);

impl LogThrottle {
    /// Returns true if this refusal is to be logged.
    pub(super) fn first(&mut self, now: Duration) -> bool {
        let due = Self::due(self.0, nanos(now));
        self.0 = due.unwrap_or(self.0);
        due.is_some()
    }

    /// Returns the value to store if a refusal `now` is to be logged.
    pub(super) fn due(told: u64, now: u64) -> Option<u64> {
        (told == 0 || now.saturating_sub(told - 1) >= nanos(TELL_AGAIN)).then(|| now.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_never_nought() {
        let seconds = |retry| RetryAfter { retry, first: true }.seconds();
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1000)), 1);
        assert_eq!(seconds(Duration::from_millis(1001)), 2);
        assert_eq!(seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_flood_is_told_once_a_minute() {
        let mut told = LogThrottle::default();
        let tellings = (0..180).filter(|&s| told.first(Duration::from_secs(s))).count();
        assert_eq!(tellings, 3);
    }
}
