//! Event as one line of logfmt, with its facility and severity.

use std::time::Duration;

use super::entry::{Facility, Severity};
use super::event::Event;
use super::line::Line;
use crate::clock::{Clock, Timestamp};

/// Event as text. Values are cut when it is made, so that the queue's memory is bounded.
pub(super) struct Record {
    pub(super) facility: Facility,
    pub(super) severity: Severity,
    pub(super) text: String,
}

impl Record {
    /// Formats `event` with the current time.
    pub(super) fn of(event: &Event, clock: &dyn Clock) -> Self {
        Self {
            facility: event.facility(),
            severity: event.severity(),
            text: format(event, clock.now(), clock.monotonic()),
        }
    }
}

/// Formats `event`, recorded at `at` of the wall clock and `mono` after boot.
fn format(event: &Event, at: Timestamp, mono: Duration) -> String {
    let mut line = Line::new();
    line.bare("event", event.name());
    line.bare("result", event.outcome().as_str());
    event.fields_into(&mut line);
    line.finish(at, mono)
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
