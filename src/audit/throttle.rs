//! Limits how many lines a client without a session can cause, so that it cannot rotate the journal.
//!
//! Each event of class `stranger` or `sampled` has a bucket of its own: a flood of one event hides no other. What a bucket refuses is
//! counted, and `audit.throttled` says once a minute how many lines of which event were left out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::entry::{Class, Entry};

/// Lines of one event of class `stranger` at once: an office of 100 that mistypes everything on one morning is written whole.
pub(super) const STRANGER_BURST: u32 = 300;
/// Seconds until a bucket of class `stranger` has one more line. Ten such events at 10 lines a minute and 250 bytes are 36 MB a day;
/// the card's journal holds 64 MB, so that even then yesterday can be read.
const STRANGER_REFILL: Duration = Duration::from_secs(6);
/// Lines of one event of class `sampled` at once.
const SAMPLED_BURST: u32 = 1;
/// Time until a bucket of class `sampled` has its line back.
const SAMPLED_REFILL: Duration = Duration::from_secs(60);
/// Time between two reports of what was left out.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Buckets by event name, so there are at most as many as the inventory has rows.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<&'static str, Bucket>,
    reported: Duration,
}

#[derive(Debug)]
struct Bucket {
    lines: u32,
    /// Time up to which lines were given back.
    filled: Duration,
    left_out: u64,
}

impl Throttle {
    /// Returns true if the event of this row may be written `now`; counts it otherwise.
    pub(super) fn admits(&self, entry: &Entry, now: Duration) -> bool {
        let (burst, refill) = match entry.class {
            Class::Security | Class::Counter => return true,
            Class::Stranger => (STRANGER_BURST, STRANGER_REFILL),
            Class::Sampled => (SAMPLED_BURST, SAMPLED_REFILL),
        };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = state.buckets.entry(entry.name).or_insert(Bucket { lines: burst, filled: now, left_out: 0 });
        bucket.fill(burst, refill, now);
        if bucket.lines == 0 {
            bucket.left_out += 1;
            return false;
        }
        bucket.lines -= 1;
        true
    }

    /// Returns the events of which lines were left out since the last report, once a minute at most.
    pub(super) fn report(&self, now: Duration) -> Vec<(&'static str, u64)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(state.reported) < REPORT_INTERVAL {
            return Vec::new();
        }
        state.reported = now;
        let take = |(name, bucket): (&&'static str, &mut Bucket)| (*name, std::mem::take(&mut bucket.left_out));
        state.buckets.iter_mut().map(take).filter(|(_, left_out)| *left_out > 0).collect()
    }
}

impl Bucket {
    fn fill(&mut self, burst: u32, refill: Duration, now: Duration) {
        let due = now.saturating_sub(self.filled).as_millis() / refill.as_millis();
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        self.lines = self.lines.saturating_add(due).min(burst);
        self.filled = if self.lines == burst { now } else { self.filled + refill * due };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Facility, Outcome, Severity};
    use proptest::prelude::*;

    const fn row(name: &'static str, class: Class) -> Entry {
        Entry {
            name,
            fields: &[],
            outcome: Outcome::Refused,
            facility: Facility::Daemon,
            severity: Severity::Warning,
            class,
            meaning_en: "",
        }
    }

    const FLOOD: Entry = row("request.misdirected", Class::Stranger);
    const OTHER: Entry = row("login.failed", Class::Stranger);
    const SAMPLE: Entry = row("request.rejected", Class::Sampled);
    const EVIDENCE: Entry = row("login.ok", Class::Security);

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn flood_is_cut_and_hides_no_other_event() {
        let throttle = Throttle::default();
        let written = (0..100_000).filter(|_| throttle.admits(&FLOOD, secs(100))).count();
        assert_eq!(written, STRANGER_BURST as usize);
        assert!(throttle.admits(&OTHER, secs(100)));
        assert!((0..1000).all(|_| throttle.admits(&EVIDENCE, secs(100))));
        assert_eq!(throttle.report(secs(160)), [("request.misdirected", 100_000 - u64::from(STRANGER_BURST))]);
        assert_eq!(throttle.report(secs(300)), []);
        assert_eq!((0..100).filter(|_| throttle.admits(&FLOOD, secs(160))).count(), 10, "a minute gives ten lines back");
    }

    #[test]
    fn sampled_event_is_written_once_a_minute() {
        let throttle = Throttle::default();
        let written = (0..600).filter(|s| throttle.admits(&SAMPLE, secs(*s))).count();
        assert_eq!(written, 10);
        assert_eq!(throttle.report(secs(600)), [("request.rejected", 590)]);
    }

    proptest! {
        /// Lines written and lines reported add up to all events, and a window has at most burst and refill.
        #[test]
        fn nothing_is_lost_and_the_budget_holds(steps in prop::collection::vec(0_u64..20, 1..2000)) {
            let (throttle, mut now, mut written, mut reported) = (Throttle::default(), secs(1000), 0_u64, 0_u64);
            for step in &steps {
                now += Duration::from_secs(*step);
                written += u64::from(throttle.admits(&FLOOD, now));
                reported += throttle.report(now).iter().map(|(_, count)| count).sum::<u64>();
            }
            reported += throttle.report(now + REPORT_INTERVAL).iter().map(|(_, count)| count).sum::<u64>();
            prop_assert_eq!(written + reported, steps.len() as u64);
            let elapsed = (now - secs(1000)).as_secs();
            prop_assert!(written <= u64::from(STRANGER_BURST) + elapsed / STRANGER_REFILL.as_secs() + 1);
        }
    }
}
