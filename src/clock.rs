//! Time as a parameter: pure code never reads the machine's clocks.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;

/// Wall-clock instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Adds `span`; saturates at the end of time.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 with three decimals.
const RFC_3339: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl Timestamp {
    /// Writes the text of [`Display`](fmt::Display) without the overhead of `fmt`, which takes as long again.
    pub fn write(self, mut to: impl jiff::fmt::Write) -> Result<(), jiff::Error> {
        match jiff::Timestamp::from_duration(SignedDuration::from_millis(self.0)) {
            Ok(at) => RFC_3339.print_timestamp(&at, to),
            Err(_) => to.write_str("9999-12-30T22:00:00.000Z"),
        }
    }
}

/// Formats as RFC 3339, UTC, three decimals: `2026-01-31T12:00:00.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

/// Both clocks of a machine. Many Pis have no battery clock, so limits use the monotonic one.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Reads the wall clock.
    fn now(&self) -> Timestamp;
    /// Reads the time since a fixed point in the past (boot, on Linux); never goes back.
    fn monotonic(&self) -> Duration;
}

/// Reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, for people and for comparison across restarts.
    pub wall: Timestamp,
    /// Monotonic clock, for durations while the program runs.
    pub mono: Duration,
}

impl Now {
    /// Reads both clocks.
    pub fn read(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), mono: clock.monotonic() }
    }
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    fn monotonic(&self) -> Duration {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_767_225_600_007).to_string(), "2026-01-01T00:00:00.007Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
    }
}
