//! A token bucket in two atomic words, for a value that carries its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::retry::{RetryAfter, TELL_AGAIN};

/// Nanoseconds of a minute.
const MINUTE: u64 = 60_000_000_000;

/// Token bucket (GCRA): keeps the theoretical arrival time of the next token. It starts full. 16 bytes and no
/// lock; rate and time are handed in.
#[derive(Debug, Default)]
pub struct AtomicBucket {
    /// Theoretical arrival time, in nanoseconds.
    arrival: AtomicU64,
    /// When a refusal was last worth an audit line, in nanoseconds and 1; 0 for never.
    told: AtomicU64,
}

impl AtomicBucket {
    /// Takes a token of a bucket that refills by `per_minute` and holds `burst`; zero counts as one.
    ///
    /// # Errors
    /// The wait until there is a token.
    pub fn take(&self, per_minute: u32, burst: u32, now: Duration) -> Result<(), RetryAfter> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let step = (MINUTE / u64::from(per_minute.max(1))).max(1);
        let ahead = step.saturating_mul(u64::from(burst.max(1)) - 1);
        let latest = now.saturating_add(ahead);
        let next = |arrival: u64| (arrival <= latest).then(|| arrival.max(now).saturating_add(step));
        match self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(()),
            Err(arrival) => {
                Err(RetryAfter { retry: Duration::from_nanos(arrival - latest), first: self.is_first(now) })
            }
        }
    }

    fn is_first(&self, now: u64) -> bool {
        let again = u64::try_from(TELL_AGAIN.as_nanos()).unwrap_or(u64::MAX);
        let due =
            |told: u64| (told == 0 || now.saturating_sub(told - 1) >= again).then(|| now.saturating_add(1));
        self.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(7);

    #[test]
    fn bucket_holds_its_burst_and_refills_evenly() {
        let bucket = AtomicBucket::default();
        assert_eq!((0..300).filter(|_| bucket.take(600, 200, START).is_ok()).count(), 200);
        let wait = bucket.take(600, 200, START).expect_err("empty");
        assert_eq!((wait.retry, wait.first), (Duration::from_millis(100), false));
        assert!(bucket.take(600, 200, START + wait.retry).is_ok());
        assert_eq!(
            (0..300).filter(|_| bucket.take(600, 200, START + Duration::from_secs(60)).is_ok()).count(),
            200
        );
    }

    #[test]
    fn refusals_are_told_once_a_minute() {
        let bucket = AtomicBucket::default();
        assert!(bucket.take(1, 1, Duration::ZERO).is_ok());
        let firsts = (0..59)
            .filter(|s| bucket.take(1, 1, Duration::from_secs(*s)).is_err_and(|wait| wait.first))
            .count();
        assert_eq!(firsts, 1);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        for (rate, burst) in [(0, 0), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX)] {
            let bucket = AtomicBucket::default();
            assert!(bucket.take(rate, burst, Duration::MAX).is_ok(), "{rate} {burst}");
            let _ = bucket.take(rate, burst, Duration::ZERO);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_refill_and_the_wait_is_exact(
            rate in 1u32..100_000, burst in 1u32..50, steps in prop::collection::vec(0u64..500_000_000, 1..200),
        ) {
            let bucket = AtomicBucket::default();
            let (mut now, mut taken) = (START, Vec::new());
            for step in steps {
                now += Duration::from_nanos(step);
                match bucket.take(rate, burst, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let early = now + wait.retry - Duration::from_nanos(1);
                        prop_assert!(bucket.take(rate, burst, early).is_err());
                        now += wait.retry;
                        prop_assert!(bucket.take(rate, burst, now).is_ok());
                        taken.push(now);
                    }
                }
            }
            let step = u128::from(MINUTE / u64::from(rate));
            for (i, &from) in taken.iter().enumerate() {
                for (j, &to) in taken.iter().enumerate().skip(i) {
                    prop_assert!((j - i + 1) as u128 <= u128::from(burst) + (to - from).as_nanos() / step);
                }
            }
        }
    }
}
