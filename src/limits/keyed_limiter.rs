//! One rate for many keys, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use super::retry::{LogThrottle, RetryAfter};
use crate::locks::lock;
use crate::types::token_bucket::{BucketRate, TokenBucket};

/// Interval at which a full limiter evicts idle keys, with one pass over its cells.
const EVICT_INTERVAL: Duration = Duration::from_secs(1);

/// Token buckets by key, all of one rate.
pub(super) struct KeyedLimiter<K> {
    rate: BucketRate,
    cap: usize,
    cells: Mutex<RateCells<K>>,
}

struct RateCells<K> {
    known: HashMap<K, RateCell>,
    /// Shared by all keys that find the map full: its size locks no client out, and nothing grows.
    overflow: RateCell,
    /// Last time that a full map evicted idle keys.
    evicted: Option<Duration>,
}

#[derive(Default)]
struct RateCell {
    bucket: TokenBucket,
    told: LogThrottle,
}

impl<K: Eq + Hash + Clone> KeyedLimiter<K> {
    pub(super) fn new(rate: BucketRate, cap: usize) -> Self {
        let cells = RateCells { known: HashMap::new(), overflow: RateCell::default(), evicted: None };
        Self { rate, cap, cells: Mutex::new(cells) }
    }

    /// Takes a token of `key`.
    pub(super) fn pass(&self, key: &K, now: Duration) -> Result<(), RetryAfter> {
        let mut cells = lock(&self.cells);
        let cell = cells.cell(key, self.cap, now);
        cell.bucket.take(self.rate, now).map_err(|retry| RetryAfter { retry, first: cell.told.first(now) })
    }

    /// Forgets keys whose bucket is full.
    pub(super) fn sweep(&self, now: Duration) {
        lock(&self.cells).sweep(now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.cells).known.len()
    }
}

impl<K: Eq + Hash + Clone> RateCells<K> {
    fn cell(&mut self, key: &K, cap: usize, now: Duration) -> &mut RateCell {
        if self.known.len() >= cap && !self.known.contains_key(key) {
            if self.evicted.is_none_or(|last| now.saturating_sub(last) >= EVICT_INTERVAL) {
                self.evicted = Some(now);
                self.sweep(now);
            }
            if self.known.len() >= cap {
                return &mut self.overflow;
            }
        }
        self.known.entry(key.clone()).or_default()
    }

    fn sweep(&mut self, now: Duration) {
        self.known.retain(|_, cell| !cell.bucket.is_full(now));
        // A burst of keys must not hold its memory for ever.
        if self.known.len() < self.known.capacity() / 4 {
            self.known.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// One token a second, two at once.
    fn limiter(keys: usize) -> KeyedLimiter<u32> {
        KeyedLimiter::new(BucketRate::per_minute(60, 2), keys)
    }

    #[test]
    fn full_limiter_shares_a_bucket_among_new_keys() {
        let (limiter, mut now) = (limiter(10), 7 * SECOND);
        for key in 0..10 {
            assert_eq!(limiter.pass(&key, now), Ok(()));
        }
        assert_eq!(
            [10, 11, 12].map(|key| limiter.pass(&key, now).is_ok()),
            [true, true, false],
            "one cell of 2"
        );
        assert_eq!(limiter.pass(&0, now), Ok(()), "a known key keeps its own");
        assert_eq!(limiter.len(), 10);

        now += 5 * SECOND;
        let passes = |key| (0..99).filter(|_| limiter.pass(&key, now).is_ok()).count();
        assert_eq!([passes(12), passes(13)], [2, 2], "idle keys were evicted");
        limiter.sweep(now + 5 * SECOND);
        assert_eq!(limiter.len(), 0);
    }

    #[test]
    fn cells_are_small() {
        assert_eq!(size_of::<(std::net::IpAddr, RateCell)>(), 40);
        assert_eq!(size_of::<(crate::types::UserId, RateCell)>(), 24);
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_refill(
            steps in prop::collection::vec((0u64..3000, 0u32..30), 1..300), keys in 1usize..20,
        ) {
            let limiter = limiter(keys);
            let (mut now, mut passed) = (0, HashMap::<u32, Vec<u64>>::new());
            for (step, key) in steps {
                now += step;
                match limiter.pass(&key, Duration::from_millis(now)) {
                    Ok(()) => passed.entry(key).or_default().push(now),
                    Err(wait) => prop_assert!(wait.retry > Duration::ZERO && wait.retry <= SECOND),
                }
                prop_assert!(limiter.len() <= keys);
            }
            // A key may pass by its own cell and by the shared one, never by more than both.
            for times in passed.values() {
                for (i, from) in times.iter().enumerate() {
                    for (j, to) in times.iter().enumerate().skip(i) {
                        let one_cell = 2 + (to - from) / 1000;
                        prop_assert!((j - i + 1) as u64 <= 2 * one_cell);
                    }
                }
            }
        }
    }
}
