//! What happened, for the person who runs the machine: typed events, written as one logfmt line each to syslog.
//!
//! An [`Event`] becomes text where it is recorded (so that its time is the time it happened), waits in a bounded queue, and
//! is written by one thread. `docs/AUDIT.md` lists every event; a test compares that table with [`Event::INVENTORY`].
//!
//! **No event carries a message's text, a password or a token.** No field of [`Event`] is made for one; keep it so.

mod entry;
mod event;
mod line;
mod queue;
mod sink;
mod throttle;
mod writer;

pub use entry::{Class, Entry, Facility, Outcome, Severity, Threshold};
pub use event::{Event, LoginFailure, SessionEnd};
pub use queue::{Audit, QUEUE_EVENTS};
pub use writer::{Target, Writer};
