//! A bucket of tokens that can be given back, which governor's cannot.

use std::time::Duration;

/// One token, in nanoseconds times tokens a minute: counted so, refilling is exact for every rate.
const TOKEN: u128 = 60_000_000_000;

/// Holds a minute's worth of tokens, refilled evenly. The rate is handed in, so that it can change while
/// running.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    level: u128,
    at: Duration,
}

impl TokenBucket {
    /// One that holds all it can, at `now`.
    pub fn full(per_minute: u32, now: Duration) -> Self {
        Self { level: capacity(per_minute), at: now }
    }

    /// Returns the level at `now`; more is fuller.
    pub(super) fn level(&self, per_minute: u32, now: Duration) -> u128 {
        let refill = now.saturating_sub(self.at).as_nanos().saturating_mul(u128::from(per_minute));
        self.level.saturating_add(refill).min(capacity(per_minute))
    }

    /// Returns how many tokens are missing, a begun one as a whole.
    pub(super) fn spent(&self, per_minute: u32, now: Duration) -> u32 {
        let missing = capacity(per_minute) - self.level(per_minute, now);
        u32::try_from(missing.div_ceil(TOKEN)).unwrap_or(u32::MAX)
    }

    pub(super) fn is_full(&self, per_minute: u32, now: Duration) -> bool {
        self.level(per_minute, now) >= capacity(per_minute)
    }

    /// Takes one token, or says when there will be one.
    pub fn take(&mut self, per_minute: u32, now: Duration) -> Result<(), Duration> {
        self.level = self.level(per_minute, now);
        self.at = self.at.max(now);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None => {
                let nanos = (TOKEN - self.level).div_ceil(u128::from(per_minute.max(1)));
                Err(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
            }
        }
    }

    /// Gives one token back.
    pub fn give_back(&mut self, per_minute: u32) {
        self.level = (self.level + TOKEN).min(capacity(per_minute));
    }
}

fn capacity(per_minute: u32) -> u128 {
    TOKEN * u128::from(per_minute.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_minutes_worth_then_one_by_one() {
        let mut now = Duration::from_secs(5);
        let mut bucket = TokenBucket::full(10, now);
        assert_eq!((0..20).filter(|_| bucket.take(10, now).is_ok()).count(), 10);
        assert_eq!(bucket.take(10, now), Err(Duration::from_secs(6)));
        now += Duration::from_secs(6);
        assert_eq!(bucket.take(10, now), Ok(()));
        assert!(bucket.take(10, now).is_err());
        bucket.give_back(10);
        assert_eq!(bucket.take(10, now), Ok(()));
        assert!(bucket.is_full(10, now + Duration::from_secs(60)));
    }

    #[test]
    fn huge_rates_and_times_do_not_overflow() {
        let mut bucket = TokenBucket::full(u32::MAX, Duration::ZERO);
        assert_eq!(bucket.take(u32::MAX, Duration::MAX), Ok(()));
        bucket.give_back(u32::MAX);
        assert!(bucket.is_full(u32::MAX, Duration::MAX));
    }

    proptest! {
        #[test]
        fn the_wait_it_names_is_enough_and_not_too_long(
            rate in 1u32..1_000_000_000, steps in prop::collection::vec(0u64..10_000_000_000, 1..50),
        ) {
            let mut now = Duration::ZERO;
            let mut bucket = TokenBucket { level: 0, at: now };
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
            rate in 1u32..20, steps in prop::collection::vec(0u64..20_000, 1..200),
        ) {
            let mut now = Duration::ZERO;
            let mut bucket = TokenBucket::full(rate, now);
            let mut taken: Vec<Duration> = Vec::new();
            for step in steps {
                now += Duration::from_millis(step);
                if bucket.take(rate, now).is_ok() {
                    taken.push(now);
                }
            }
            for (i, &from) in taken.iter().enumerate() {
                for (j, &to) in taken.iter().enumerate().skip(i) {
                    let refill = (to - from).as_nanos() * u128::from(rate) / TOKEN;
                    prop_assert!((j - i + 1) as u128 <= u128::from(rate) + refill);
                }
            }
        }
    }
}
