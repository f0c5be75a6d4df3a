//! Chat rooms: one pure state machine for each room, and the hub that finds them.
//!
//! This layer knows neither JSON, WebSockets nor password hashing. A [`Wire`] encodes frames, a [`Mailbox`] delivers
//! them, and the caller checks the password hash.

mod delivery;
mod entry;
mod hub;
mod membership;
mod resume;
mod room;
mod seq;

pub use delivery::{Mailbox, Presence, Urgency, Wire};
pub use entry::Found;
pub use hub::{ChatLimits, EnterError, Entered, Hub, HubFigures, LobbyEntry, ResumeError, Resumed, Visitor};
pub use membership::Membership;
pub use resume::ResumeToken;
pub use room::{MAX_RING, MAX_SEATS, Missed};
pub use seq::Seq;
