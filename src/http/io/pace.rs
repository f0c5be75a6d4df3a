//! Lower bound on the speed of an upload.

use std::time::Duration;

/// Waiting that costs no byte: the bound holds after the first minute.
const FREE: Duration = Duration::from_secs(60);
/// The least average speed after that, in bytes a second: 240 KiB a minute. The slowest honest link is the
/// edge of a Wi-Fi at 30 kB/s; out of reach for half of each minute it still carries 15 kB/s, which is 3.6
/// times the bound. A file of 16 MiB takes 70 minutes at the most.
pub(crate) const LEAST_SPEED: u64 = 4 * 1024;

/// Average speed of one upload. Only time spent waiting for the client counts, so a slow disk costs it
/// nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Adds what came, and the wait for it.
    pub(crate) fn note(&mut self, waited: Duration, bytes: usize) {
        self.waited += waited;
        self.bytes += bytes as u64;
    }

    /// Returns the time within which the next byte must come to stay above the bound.
    pub(crate) fn patience(&self) -> Duration {
        let seconds = Duration::from_secs(self.bytes / LEAST_SPEED);
        let rest = Duration::from_nanos(self.bytes % LEAST_SPEED * 1_000_000_000 / LEAST_SPEED);
        (FREE + seconds + rest).saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_minute_costs_nothing_then_bytes_buy_time() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(), FREE);
        pace.note(59 * SECOND, 1);
        assert!(pace.patience() > SECOND && pace.patience() < SECOND + Duration::from_millis(1));
        pace.note(29 * SECOND, 4095);
        assert_eq!(pace.patience(), Duration::ZERO, "88 s for one second's worth of bytes");
        pace.note(Duration::ZERO, 27 * 4096);
        assert_eq!(pace.patience(), Duration::ZERO);
        pace.note(Duration::ZERO, 2 * 4096);
        assert_eq!(pace.patience(), 2 * SECOND);
    }

    #[test]
    fn huge_uploads_do_not_overflow() {
        let mut pace = Pace::default();
        pace.note(Duration::ZERO, usize::MAX);
        assert!(pace.patience() > FREE);
    }

    proptest! {
        #[test]
        fn faster_than_the_bound_is_never_refused(steps in prop::collection::vec((1u64..30_000, 0usize..100_000), 1..200)) {
            let mut pace = Pace::default();
            let (mut time, mut bytes) = (Duration::ZERO, 0);
            for (millis, more) in steps {
                let wait = Duration::from_millis(millis);
                let owed = time + wait > FREE && bytes < (time + wait - FREE).as_secs_f64() as u64 * LEAST_SPEED;
                if wait <= pace.patience() {
                    prop_assert!(!owed, "let through too slow");
                } else {
                    let needed = (time + wait).saturating_sub(FREE).as_secs_f64() * LEAST_SPEED as f64;
                    prop_assert!((bytes as f64) < needed + 1.0, "refused although fast enough");
                    return Ok(());
                }
                pace.note(wait, more);
                time += wait;
                bytes += more as u64;
            }
        }
    }
}
