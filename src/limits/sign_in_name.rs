//! Failures for one name, from every address together.

use std::time::Duration;

use super::retry::{LogThrottle, RetryAfter};
use super::sign_in_budget::BudgetGate;
use crate::types::token_bucket::{BucketRate, TokenBucket};

/// Failures for one name in an hour, from everywhere. Past them strangers share one try each 36 s: 100 and
/// 2,400 a day, against one of the 3000 commonest passwords that no new password may be (`docs/LIMITS.md`).
pub const NAME_FAILURES_PER_HOUR: u32 = 100;
/// Wrong passwords in a row for one name, from anywhere, before answers slow down (`docs/LIMITS.md`).
const DELAY_AFTER_FAILURES: u32 = 50;
/// Added to the next answer by each further one.
const DELAY_STEP: Duration = Duration::from_millis(100);
/// The slowest answer.
pub const MAX_DELAY: Duration = Duration::from_secs(5);
/// A name without a failure for a day is forgotten when room is needed.
const NAME_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// Failures of one name, whether it exists or not.
pub(super) struct NameRecord {
    bucket: TokenBucket,
    /// Attempts that hold a token.
    under_way: u32,
    /// Failures since the last success.
    run: u32,
    last: Duration,
    told: LogThrottle,
}

fn rate() -> BucketRate {
    BucketRate::per_hour(NAME_FAILURES_PER_HOUR)
}

impl NameRecord {
    pub(super) fn new(now: Duration) -> Self {
        Self { bucket: TokenBucket::default(), under_way: 0, run: 0, last: now, told: LogThrottle::default() }
    }

    pub(super) fn gate(&self, now: Duration) -> BudgetGate {
        let mut bucket = self.bucket;
        match bucket.take(rate(), now) {
            Ok(()) => BudgetGate::Open,
            Err(_) if self.under_way > 0 => BudgetGate::InUse,
            Err(retry) => BudgetGate::Spent(retry),
        }
    }

    /// Takes a token; returns false if there is none.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let taken = self.bucket.take(rate(), now).is_ok();
        self.under_way += u32::from(taken);
        taken
    }

    /// Ends an attempt that holds a token; `back` returns it.
    pub(super) fn settle(&mut self, back: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if back {
            self.bucket.give_back(rate());
        }
    }

    pub(super) fn record_success(&mut self) {
        self.run = 0;
    }

    pub(super) fn record_failure(&mut self, now: Duration) {
        self.run = self.run.saturating_add(1);
        self.last = now;
    }

    /// Returns how long an answer is held back.
    pub(super) fn delay(&self) -> Duration {
        DELAY_STEP.saturating_mul(self.run.saturating_sub(DELAY_AFTER_FAILURES)).min(MAX_DELAY)
    }

    pub(super) fn refusal(&mut self, retry: Duration, now: Duration) -> RetryAfter {
        RetryAfter { retry, first: self.told.first(now) }
    }

    /// Returns true if forgetting it loses nothing.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.under_way == 0 && self.run == 0 && self.bucket.is_full(now)
    }

    pub(super) fn is_expired(&self, now: Duration) -> bool {
        self.under_way == 0 && self.last.saturating_add(NAME_MEMORY) <= now
    }

    /// Returns the order in which names are forgotten: those with fewest failures first. One with an attempt
    /// under way stays.
    pub(super) fn rank(&self, now: Duration) -> Option<impl Ord + use<>> {
        let spent = self.bucket.spent(rate(), now);
        (self.under_way == 0).then_some((self.run.max(spent), self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundred_an_hour_then_one_each_36_seconds() {
        let mut now = Duration::from_secs(1234);
        let mut record = NameRecord::new(now);
        for _ in 0..100 {
            assert!(record.take(now));
            record.settle(false);
        }
        let BudgetGate::Spent(retry) = record.gate(now) else { panic!("open") };
        assert_eq!(retry.as_secs_f64().round(), 36.0);
        now += retry;
        assert!(record.take(now) && !record.take(now));
        assert_eq!(record.gate(now), BudgetGate::InUse);
        record.settle(false);
        let in_a_day = (0..24 * 3600).filter(|_| {
            now += Duration::from_secs(1);
            let taken = record.take(now);
            record.settle(false);
            taken
        });
        assert_eq!(in_a_day.count(), 2400);
    }
}
