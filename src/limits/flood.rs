//! A socket that goes on sending frames that are refused.

use std::time::Duration;

/// Refused frames that one socket may send in [`FLOOD_WINDOW`], whatever the reason; the next one closes it
/// with 1008. A page sends at most one request a second that may be refused, typing notices aside.
pub const FLOOD_HITS: usize = 120;
/// The window, sliding.
pub const FLOOD_WINDOW: Duration = Duration::from_secs(60);

/// The refusals of one socket. Exact: a ring of the last [`FLOOD_HITS`] times, 2 KiB, taken only by sockets
/// that are refused anything at all.
#[derive(Debug, Default)]
pub struct Flood {
    times: Vec<Duration>,
    /// The oldest, once the ring is full.
    oldest: usize,
}

impl Flood {
    /// Counts one answer; true when that is more than 120 within a minute.
    pub fn hit(&mut self, now: Duration) -> bool {
        if self.times.len() < FLOOD_HITS {
            self.times.push(now);
            return false;
        }
        let oldest = std::mem::replace(&mut self.times[self.oldest], now);
        self.oldest = (self.oldest + 1) % FLOOD_HITS;
        now.saturating_sub(oldest) < FLOOD_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hundred_and_twenty_first_in_a_minute() {
        let mut flood = Flood::default();
        assert!((0..120).all(|_| !flood.hit(Duration::from_secs(1))));
        assert!(flood.hit(Duration::from_secs(60)));

        let mut flood = Flood::default();
        assert!((0..120).all(|_| !flood.hit(Duration::from_secs(1))));
        assert!(!flood.hit(Duration::from_secs(61)));
    }

    #[test]
    fn two_a_second_for_ever_is_no_flood() {
        let mut flood = Flood::default();
        assert!((0..10_000).all(|n| !flood.hit(Duration::from_millis(500 * n))));
        assert!(flood.times.capacity() <= 2 * FLOOD_HITS);
    }

    proptest! {
        #[test]
        fn it_counts_as_a_list_of_all_times_would(steps in prop::collection::vec(0u64..1000, 0..600)) {
            let (mut flood, mut all, mut now) = (Flood::default(), Vec::new(), Duration::ZERO);
            for step in steps {
                now += Duration::from_millis(step);
                all.push(now);
                let within = all.iter().filter(|&&then| now - then < FLOOD_WINDOW).count();
                prop_assert_eq!(flood.hit(now), within > FLOOD_HITS);
            }
        }
    }
}
