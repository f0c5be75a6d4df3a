//! Signs of life of one client, so that a dead socket gives its place to a live one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A client that was heard from within this is alive; one that is asked for a sign and gives none for so long is dead. A phone that
/// wakes its radio answers a ping within some 300 ms.
pub const PROBE: Duration = Duration::from_secs(2);

/// When a client was last heard from, and when it was last asked for a sign of life. Nanoseconds since `opened`: no lock.
#[derive(Debug)]
pub(super) struct Pulse {
    opened: Instant,
    heard: AtomicU64,
    /// 1 more than the time; 0 for never.
    asked: AtomicU64,
}

/// Facts about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vitality {
    Alive,
    /// Silent, and not asked since it was last heard from.
    Silent,
    /// Asked, and may still answer.
    Asked,
    Dead,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { opened: Instant::now(), heard: AtomicU64::new(0), asked: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// The client was heard from.
    pub(super) fn record_input(&self, now: Instant) {
        self.heard.store(self.nanos(now), Ordering::Relaxed);
    }

    /// The client is asked for a sign of life.
    pub(super) fn start_probe(&self, now: Instant) {
        self.asked.store(self.nanos(now).saturating_add(1), Ordering::Relaxed);
    }

    /// When it was last heard from.
    pub(super) fn last_input(&self) -> Instant {
        self.opened + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }

    /// Judges the client at `now`.
    pub(super) fn vitality(&self, now: Instant) -> Vitality {
        let (heard, asked) = (self.heard.load(Ordering::Relaxed), self.asked.load(Ordering::Relaxed));
        let within = |since: u64| self.nanos(now).saturating_sub(since) < u64::try_from(PROBE.as_nanos()).unwrap_or(u64::MAX);
        match asked.checked_sub(1).filter(|asked| *asked >= heard) {
            Some(asked) if within(asked) => Vitality::Asked,
            Some(_) => Vitality::Dead,
            None if within(heard) => Vitality::Alive,
            None => Vitality::Silent,
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_after_a_question_is_death_and_any_byte_is_life() {
        let pulse = Pulse::default();
        let at = |millis| pulse.opened + Duration::from_millis(millis);
        assert_eq!(pulse.vitality(at(1999)), Vitality::Alive);
        assert_eq!(pulse.vitality(at(2000)), Vitality::Silent, "silent for ever is not dead: it was not asked");
        assert_eq!(pulse.vitality(at(90_000)), Vitality::Silent);
        pulse.start_probe(at(90_000));
        assert_eq!(pulse.vitality(at(91_999)), Vitality::Asked);
        assert_eq!(pulse.vitality(at(92_000)), Vitality::Dead);
        pulse.record_input(at(92_001));
        assert_eq!((pulse.vitality(at(92_002)), pulse.last_input()), (Vitality::Alive, at(92_001)));
        assert_eq!(pulse.vitality(at(99_000)), Vitality::Silent);
    }

    #[test]
    fn question_right_after_a_sign_is_open_again() {
        let pulse = Pulse::default();
        let at = |millis| pulse.opened + Duration::from_millis(millis);
        pulse.record_input(at(5000));
        pulse.start_probe(at(5000));
        assert_eq!(pulse.vitality(at(7000)), Vitality::Dead);
    }
}
