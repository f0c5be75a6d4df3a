//! Token bucket, the arithmetic of all rates (GCRA): those of `limits`, and of the audit's lines.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Refill and size of a bucket, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketRate {
    /// Time in which one token comes back, at least 1.
    step: u64,
    /// Time in which all but one come back.
    ahead: u64,
}

impl BucketRate {
    /// Returns the rate of a bucket that refills by `tokens` a minute and holds `burst`; zero counts as one.
    pub fn per_minute(tokens: u32, burst: u32) -> Self {
        Self::new(MINUTE, tokens, burst)
    }

    /// Returns the rate of a bucket that holds the tokens of an hour.
    pub fn per_hour(tokens: u32) -> Self {
        Self::new(HOUR, tokens, tokens)
    }

    fn new(span: Duration, tokens: u32, burst: u32) -> Self {
        let tokens = u64::from(tokens.max(1));
        // Rounded to the nearest: a minute's tokens come back in a minute.
        let step = (nanos(span) + tokens / 2) / tokens;
        Self { step, ahead: step.saturating_mul(u64::from(burst.max(1)) - 1) }
    }

    /// Returns the arrival time after a token was taken `now`, or the wait until there is one.
    pub fn take(self, arrival: u64, now: u64) -> Result<u64, u64> {
        let latest = now.saturating_add(self.ahead);
        if arrival <= latest { Ok(arrival.max(now).saturating_add(self.step)) } else { Err(arrival - latest) }
    }
}

/// Returns the nanoseconds of a time, 584 years at most.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Bucket in 8 bytes: the time at which it is full again. It starts full. The rate is handed in, so that it
/// can change while the program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenBucket {
    /// Theoretical arrival time, in nanoseconds.
    arrival: u64,
}

impl TokenBucket {
    /// Takes one token, or says when there will be one.
    pub fn take(&mut self, rate: BucketRate, now: Duration) -> Result<(), Duration> {
        self.arrival = rate.take(self.arrival, nanos(now)).map_err(Duration::from_nanos)?;
        Ok(())
    }

    /// Gives one token back.
    pub fn give_back(&mut self, rate: BucketRate) {
        self.arrival = self.arrival.saturating_sub(rate.step);
    }

    /// Returns true if no token is missing.
    pub fn is_full(&self, now: Duration) -> bool {
        self.debt(now) == 0
    }

    /// Returns the nanoseconds until it is full.
    pub fn debt(&self, now: Duration) -> u64 {
        self.arrival.saturating_sub(nanos(now))
    }

    /// Returns how many tokens are missing, a begun one as a whole.
    pub fn spent(&self, rate: BucketRate, now: Duration) -> u32 {
        u32::try_from(self.debt(now).div_ceil(rate.step)).unwrap_or(u32::MAX)
    }

    /// Changes the rate; as many tokens are missing as before.
    pub fn retune(&mut self, before: BucketRate, after: BucketRate, now: Duration) {
        let debt = u128::from(self.debt(now)) * u128::from(after.step) / u128::from(before.step);
        self.arrival = nanos(now).saturating_add(u64::try_from(debt).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(per_minute: u32) -> BucketRate {
        BucketRate::per_minute(per_minute, per_minute)
    }

    #[test]
    fn a_minutes_worth_then_one_by_one() {
        let mut now = Duration::from_secs(5);
        let mut bucket = TokenBucket::default();
        assert_eq!((0..20).filter(|_| bucket.take(rate(10), now).is_ok()).count(), 10);
        assert_eq!(bucket.take(rate(10), now), Err(Duration::from_secs(6)));
        now += Duration::from_secs(6);
        assert_eq!(bucket.take(rate(10), now), Ok(()));
        assert!(bucket.take(rate(10), now).is_err());
        bucket.give_back(rate(10));
        assert_eq!(bucket.take(rate(10), now), Ok(()));
        assert!(bucket.is_full(now + Duration::from_secs(60)));
        bucket.give_back(rate(10));
        assert_eq!(bucket.spent(rate(10), now), 9);
    }

    #[test]
    fn change_of_rate_keeps_what_is_spent() {
        let (mut bucket, now) = (TokenBucket::default(), Duration::from_secs(5));
        (0..4).for_each(|_| bucket.take(rate(10), now).unwrap());
        bucket.retune(rate(10), rate(20), now);
        assert_eq!(bucket.spent(rate(20), now), 4);
        assert_eq!((0..99).filter(|_| bucket.take(rate(20), now).is_ok()).count(), 16);
        bucket.retune(rate(20), rate(10), now);
        assert!(bucket.take(rate(10), now + Duration::from_secs(60)).is_err());
        assert_eq!(bucket.take(rate(10), now + Duration::from_secs(66)), Ok(()));
    }

    #[test]
    fn huge_rates_and_times_do_not_overflow() {
        for (tokens, burst) in [(0, 0), (1, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX)] {
            let rate = BucketRate::per_minute(tokens, burst);
            let mut bucket = TokenBucket::default();
            assert_eq!(bucket.take(rate, Duration::MAX), Ok(()));
            let _ = bucket.take(rate, Duration::ZERO);
            bucket.retune(rate, BucketRate::per_hour(1), Duration::ZERO);
            let _ = bucket.spent(rate, Duration::ZERO);
            bucket.give_back(rate);
            assert!(bucket.is_full(Duration::MAX));
        }
    }

    proptest! {
        #[test]
        fn the_wait_it_names_is_enough_and_not_too_long(
            tokens in 1u32..1_000_000_000, steps in prop::collection::vec(0u64..10_000_000_000, 1..50),
        ) {
            let mut now = Duration::ZERO;
            // Empty.
            let (rate, mut bucket) = (rate(tokens), TokenBucket { arrival: nanos(MINUTE) });
            for step in steps {
                now += Duration::from_nanos(step);
                if let Err(wait) = bucket.take(rate, now) {
                    prop_assert!(wait > Duration::ZERO);
                    let mut just_before = bucket;
                    prop_assert!(just_before.take(rate, now + wait - Duration::from_nanos(1)).is_err());
                    let mut then = bucket;
                    prop_assert!(then.take(rate, now + wait).is_ok());
                }
            }
        }

        #[test]
        fn no_window_holds_more_than_bucket_and_refill(
            tokens in 1u32..20, steps in prop::collection::vec((0u64..20_000, any::<bool>()), 1..200),
        ) {
            let (mut now, mut bucket, mut taken) = (Duration::ZERO, TokenBucket::default(), Vec::new());
            for (step, returned) in steps {
                now += Duration::from_millis(step);
                if bucket.take(rate(tokens), now).is_ok() {
                    if returned {
                        bucket.give_back(rate(tokens));
                    } else {
                        taken.push(now);
                    }
                }
            }
            for (i, &from) in taken.iter().enumerate() {
                for (j, &to) in taken.iter().enumerate().skip(i) {
                    let refill = nanos(to - from) / rate(tokens).step;
                    prop_assert!((j - i + 1) as u64 <= u64::from(tokens) + refill);
                }
            }
        }
    }
}
