//! Chat rooms: one pure state machine for each room, and the hub that finds them.
//!
//! This layer knows neither JSON, WebSockets nor password hashing. A [`FrameEncoder`] encodes frames, a
//! [`Mailbox`] delivers them, and the caller checks the password hash.

mod delivery;
mod hub;
mod hub_shared;
mod membership;
mod resume;
mod room;
mod room_slot;
mod seq;

pub use delivery::{FrameEncoder, Mailbox, Presence, Priority};
pub use hub::{EnterError, Hub, HubStats, Joiner, LobbyEntry, ResumeError, Resumed};
pub use hub_shared::{ChatLimits, JoinInfo};
pub use membership::Membership;
pub use resume::ResumeToken;
pub use room::{Backfill, MAX_RING, MAX_SEATS, SeqGap};
pub use room_slot::RoomHandle;
pub use seq::Seq;
