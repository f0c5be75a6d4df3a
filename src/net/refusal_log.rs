//! Counters and audit lines of connections that were refused or evicted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::audit::Event;
use crate::http::AppState;
use crate::locks::lock;

/// Interval at which the connections refused for one reason are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Counts refused and evicted connections. One audit line a reason and interval says the count: a flood of
/// one reason hides no other.
pub(super) struct RefusalLog {
    app: Arc<AppState>,
    throttle: Mutex<RefusalThrottle>,
}

/// Connections since the last line, by reason. Reasons are words of the program, so the map is bounded.
#[derive(Default)]
struct RefusalThrottle(BTreeMap<&'static str, Unreported>);

#[derive(Default)]
struct Unreported {
    count: u64,
    last_line: Option<Instant>,
}

impl RefusalLog {
    pub(super) fn new(app: Arc<AppState>) -> Self {
        Self { app, throttle: Mutex::default() }
    }

    /// Records one connection of `addr`.
    pub(super) fn record(&self, addr: IpAddr, reason: &'static str) {
        self.app.refusals.count("connection", reason);
        let due = lock(&self.throttle).count(reason, Instant::now());
        if let Some(count) = due {
            self.app.audit.try_record(Event::ConnectionRefused { addr, reason, count });
        }
    }
}

impl RefusalThrottle {
    /// Counts one. Returns the count to report if a line is due.
    fn count(&mut self, reason: &'static str, now: Instant) -> Option<u64> {
        let unreported = self.0.entry(reason).or_default();
        unreported.count += 1;
        if unreported.last_line.is_some_and(|last| now.saturating_duration_since(last) < REPORT_INTERVAL) {
            return None;
        }
        unreported.last_line = Some(now);
        Some(std::mem::take(&mut unreported.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_line_in_ten_seconds() {
        let (mut throttle, start) = (RefusalThrottle::default(), Instant::now());
        assert_eq!(throttle.count("yielded", start), Some(1));
        let flood: Vec<_> = (0..1000).filter_map(|_| throttle.count("yielded", start)).collect();
        assert_eq!(flood, [0_u64; 0]);
        assert_eq!(throttle.count("total", start), Some(1), "not hidden by the flood");
        let later = start + REPORT_INTERVAL;
        assert_eq!(throttle.count("yielded", later), Some(1001), "with those that were not reported");
        assert_eq!(throttle.count("total", later), Some(1));
    }
}
