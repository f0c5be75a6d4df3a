//! Rooms: a pure state machine a room, and the hub that finds them.
//!
//! Nothing here knows JSON, WebSockets or passwords: frames are made by a [`Wire`], handed to a [`Mailbox`], and the
//! password's hash is a text that the caller checks.

mod delivery;
mod entry;
mod hub;
mod membership;
mod resume;
mod room;

pub use delivery::{Mailbox, Presence, Urgency, Wire};
pub use entry::Found;
pub use hub::{ChatLimits, EnterError, Entered, Hub, HubFigures, LobbyEntry, ResumeError, Resumed, Visitor};
pub use membership::Membership;
pub use resume::ResumeToken;
pub use room::{MAX_RING, MAX_SEATS, Missed, Seq};
