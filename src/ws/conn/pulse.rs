//! Signs of life of one client, by which dead sockets are found.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A client heard from within this time is alive; a probed client that stays silent this long is dead. A
/// phone that wakes its radio answers a ping within about 300 ms.
pub const PROBE: Duration = Duration::from_secs(2);

/// Times of the last input and the last probe, in nanoseconds since `opened`. Atomic, so that no lock is
/// needed.
#[derive(Debug)]
pub(crate) struct Pulse {
    opened: Instant,
    heard: AtomicU64,
    /// Time plus 1; 0 for never.
    asked: AtomicU64,
}

/// State of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vitality {
    Alive,
    /// Silent, and not probed since its last input.
    Silent,
    /// Probed, and may still answer.
    Asked,
    Dead,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { opened: Instant::now(), heard: AtomicU64::new(0), asked: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// Records input from the client.
    pub(crate) fn record_input(&self, now: Instant) {
        self.heard.store(self.nanos(now), Ordering::Relaxed);
    }

    /// Records a probe of the client.
    pub(crate) fn start_probe(&self, now: Instant) {
        self.asked.store(self.nanos(now).saturating_add(1), Ordering::Relaxed);
    }

    /// Returns the time of the last input.
    pub(crate) fn last_input(&self) -> Instant {
        self.opened + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }

    /// Classifies the client at `now`.
    pub(crate) fn vitality(&self, now: Instant) -> Vitality {
        let (heard, asked) = (self.heard.load(Ordering::Relaxed), self.asked.load(Ordering::Relaxed));
        let within = |since: u64| {
            self.nanos(now).saturating_sub(since) < u64::try_from(PROBE.as_nanos()).unwrap_or(u64::MAX)
        };
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
    fn silence_after_probe_is_dead_and_input_is_alive() {
        let pulse = Pulse::default();
        let at = |millis| pulse.opened + Duration::from_millis(millis);
        assert_eq!(pulse.vitality(at(1999)), Vitality::Alive);
        assert_eq!(
            pulse.vitality(at(2000)),
            Vitality::Silent,
            "silent for ever is not dead: it was not asked"
        );
        assert_eq!(pulse.vitality(at(90_000)), Vitality::Silent);
        pulse.start_probe(at(90_000));
        assert_eq!(pulse.vitality(at(91_999)), Vitality::Asked);
        assert_eq!(pulse.vitality(at(92_000)), Vitality::Dead);
        pulse.record_input(at(92_001));
        assert_eq!((pulse.vitality(at(92_002)), pulse.last_input()), (Vitality::Alive, at(92_001)));
        assert_eq!(pulse.vitality(at(99_000)), Vitality::Silent);
    }

    #[test]
    fn probe_right_after_input_is_open_again() {
        let pulse = Pulse::default();
        let at = |millis| pulse.opened + Duration::from_millis(millis);
        pulse.record_input(at(5000));
        pulse.start_probe(at(5000));
        assert_eq!(pulse.vitality(at(7000)), Vitality::Dead);
    }
}
