//! A token bucket in two atomic words, for a value that carries its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::retry::{LogThrottle, RetryAfter};
use crate::types::token_bucket::{BucketRate, nanos};

/// [`TokenBucket`](super::TokenBucket) that is shared without a lock, with its throttle of audit lines. It
/// starts full and takes 16 bytes.
#[derive(Debug, Default)]
pub struct AtomicBucket {
    /// Theoretical arrival time, in nanoseconds.
    arrival: AtomicU64,
    /// Value of a [`LogThrottle`].
    told: AtomicU64,
}

impl AtomicBucket {
    /// Takes a token.
    ///
    /// # Errors
    /// The wait until there is a token.
    pub fn take(&self, rate: BucketRate, now: Duration) -> Result<(), RetryAfter> {
        let now = nanos(now);
        let mut wait = 0;
        let taken = self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |arrival| {
            rate.take(arrival, now).inspect_err(|left| wait = *left).ok()
        });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(RetryAfter { retry: Duration::from_nanos(wait), first: self.is_first(now) }),
        }
    }

    fn is_first(&self, now: u64) -> bool {
        let due = |told| LogThrottle::due(told, now);
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
        let (bucket, rate) = (AtomicBucket::default(), BucketRate::per_minute(600, 200));
        let passes = |now| (0..300).filter(|_| bucket.take(rate, now).is_ok()).count();
        assert_eq!(passes(START), 200);
        let wait = bucket.take(rate, START).expect_err("empty");
        assert_eq!((wait.retry, wait.first), (Duration::from_millis(100), false));
        assert!(bucket.take(rate, START + wait.retry).is_ok());
        assert_eq!(passes(START + Duration::from_secs(60)), 200);
    }

    #[test]
    fn refusals_are_told_once_a_minute() {
        let (bucket, rate) = (AtomicBucket::default(), BucketRate::per_minute(1, 1));
        assert!(bucket.take(rate, Duration::ZERO).is_ok());
        let is_told = |s: &u64| bucket.take(rate, Duration::from_secs(*s)).is_err_and(|wait| wait.first);
        assert_eq!((0..59).filter(is_told).count(), 1);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        for (tokens, burst) in [(0, 0), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX)] {
            let (bucket, rate) = (AtomicBucket::default(), BucketRate::per_minute(tokens, burst));
            assert!(bucket.take(rate, Duration::MAX).is_ok(), "{tokens} {burst}");
            let _ = bucket.take(rate, Duration::ZERO);
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
                match bucket.take(BucketRate::per_minute(rate, burst), now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let early = now + wait.retry - Duration::from_nanos(1);
                        prop_assert!(bucket.take(BucketRate::per_minute(rate, burst), early).is_err());
                        now += wait.retry;
                        prop_assert!(bucket.take(BucketRate::per_minute(rate, burst), now).is_ok());
                        taken.push(now);
                    }
                }
            }
            let step = 60_000_000_000 / u128::from(rate);
            for (i, &from) in taken.iter().enumerate() {
                for (j, &to) in taken.iter().enumerate().skip(i) {
                    prop_assert!((j - i + 1) as u128 <= u128::from(burst) + (to - from).as_nanos() / step);
                }
            }
        }
    }
}
