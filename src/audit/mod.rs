//! Audit log for the operator: typed events, written to syslog as one logfmt line each.
//!
//! An [`Event`] becomes text when it is recorded, so that its time is right. It waits in a bounded queue, and
//! one thread writes it. `docs/AUDIT.md` lists every event; a test compares that table with
//! [`Event::INVENTORY`].
//!
//! **No event carries a message's text, a password or a token.** No field of [`Event`] has a type for one;
//! keep it so.

mod entry;
mod event;
mod line;
mod queue;
mod reason;
mod record;
mod sink;
mod throttle;
mod writer;

pub use entry::{Class, EventOutcome, EventSpec, Facility, Severity, Threshold};
pub use event::Event;
pub use queue::{Audit, QUEUE_EVENTS};
pub use reason::{LoginFailure, SessionEnd};
pub use sink::AuditTarget;
pub use writer::Writer;
