//! Limits the lines that clients without a session can cause, so that they cannot rotate the journal.
//!
//! Each event of class `stranger` or `sampled` has its own bucket: a flood of one event hides no other.
//! Refused lines are counted, and `audit.throttled` reports their number per event once a minute.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::entry::{Class, EventSpec};
use crate::locks::lock;
use crate::types::token_bucket::{BucketRate, TokenBucket};

/// Burst of one event of class `stranger`: an office of 100 that mistypes everything on one morning is
/// written completely.
pub(super) const STRANGER_BURST: u32 = 300;
/// Lines a minute of one event of class `stranger`, past the burst. Ten such events at 10 lines a minute and
/// 250 bytes are 36 MB a day; the card's journal holds 64 MB, so that one day always stays readable.
const STRANGER_PER_MINUTE: u32 = 10;
/// Burst of one event of class `sampled`.
const SAMPLED_BURST: u32 = 1;
/// Lines a minute of one event of class `sampled`.
const SAMPLED_PER_MINUTE: u32 = 1;
/// Time between two reports of throttled lines.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Buckets by event name; at most as many as the inventory has rows.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<&'static str, ThrottledEvent>,
    reported: Duration,
}

#[derive(Debug, Default)]
struct ThrottledEvent {
    bucket: TokenBucket,
    left_out: u64,
}

impl Throttle {
    /// Returns true if the event of this row may be written `now`; counts it otherwise.
    pub(super) fn admits(&self, entry: &EventSpec, now: Duration) -> bool {
        let (lines, burst) = match entry.class {
            Class::Security | Class::Counter => return true,
            Class::Stranger => (STRANGER_PER_MINUTE, STRANGER_BURST),
            Class::Sampled => (SAMPLED_PER_MINUTE, SAMPLED_BURST),
        };
        let mut state = lock(&self.0);
        let event = state.events.entry(entry.name).or_default();
        let admitted = event.bucket.take(BucketRate::per_minute(lines, burst), now).is_ok();
        event.left_out += u64::from(!admitted);
        admitted
    }

    /// Returns the number of throttled lines per event since the last report, at most once a minute.
    pub(super) fn report(&self, now: Duration) -> Vec<(&'static str, u64)> {
        let mut state = lock(&self.0);
        if now.saturating_sub(state.reported) < REPORT_INTERVAL {
            return Vec::new();
        }
        state.reported = now;
        let take = |(name, event): (&&'static str, &mut ThrottledEvent)| {
            (*name, std::mem::take(&mut event.left_out))
        };
        state.events.iter_mut().map(take).filter(|(_, left_out)| *left_out > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{EventOutcome, Facility, Severity};
    use proptest::prelude::*;

    const fn row(name: &'static str, class: Class) -> EventSpec {
        EventSpec {
            name,
            fields: &[],
            outcome: EventOutcome::Refused,
            facility: Facility::Daemon,
            severity: Severity::Warning,
            class,
            meaning_en: "",
        }
    }

    const FLOOD: EventSpec = row("request.misdirected", Class::Stranger);
    const OTHER: EventSpec = row("login.failed", Class::Stranger);
    const SAMPLE: EventSpec = row("request.rejected", Class::Sampled);
    const EVIDENCE: EventSpec = row("login.ok", Class::Security);

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn throttled_flood_hides_no_other_event() {
        let throttle = Throttle::default();
        let written = (0..100_000).filter(|_| throttle.admits(&FLOOD, secs(100))).count();
        assert_eq!(written, STRANGER_BURST as usize);
        assert!(throttle.admits(&OTHER, secs(100)));
        assert!((0..1000).all(|_| throttle.admits(&EVIDENCE, secs(100))));
        assert_eq!(
            throttle.report(secs(160)),
            [("request.misdirected", 100_000 - u64::from(STRANGER_BURST))]
        );
        assert_eq!(throttle.report(secs(300)), []);
        assert_eq!(
            (0..100).filter(|_| throttle.admits(&FLOOD, secs(160))).count(),
            10,
            "a minute gives ten lines back"
        );
    }

    #[test]
    fn sampled_event_is_written_once_a_minute() {
        let throttle = Throttle::default();
        let written = (0..600).filter(|s| throttle.admits(&SAMPLE, secs(*s))).count();
        assert_eq!(written, 10);
        assert_eq!(throttle.report(secs(600)), [("request.rejected", 590)]);
    }

    proptest! {
        /// Written and reported lines add up to all events, and a window has at most burst and refill.
        #[test]
        fn throttle_keeps_the_budget_and_counts_the_rest(steps in prop::collection::vec(0_u64..20, 1..2000)) {
            let (throttle, mut now, mut written, mut reported) = (Throttle::default(), secs(1000), 0_u64, 0_u64);
            for step in &steps {
                now += Duration::from_secs(*step);
                written += u64::from(throttle.admits(&FLOOD, now));
                reported += throttle.report(now).iter().map(|(_, count)| count).sum::<u64>();
            }
            reported += throttle.report(now + REPORT_INTERVAL).iter().map(|(_, count)| count).sum::<u64>();
            prop_assert_eq!(written + reported, steps.len() as u64);
            let elapsed = (now - secs(1000)).as_secs();
            prop_assert!(written <= u64::from(STRANGER_BURST) + elapsed * u64::from(STRANGER_PER_MINUTE) / 60 + 1);
        }
    }
}
