//! Chat rooms: one pure state machine for each room, and the hub that finds them.
//!
//! A session that was let in is a member until it leaves, ends, or the room ends. Its sockets come and go.
//!
//! This layer knows neither JSON, WebSockets nor password hashing. A [`FrameEncoder`] encodes frames, a
//! [`Mailbox`] delivers them, and the caller checks the password hash.

mod delivery;
mod directory;
mod hub;
mod hub_invitations;
mod hub_shared;
mod invitations;
mod message_changes;
mod message_ring;
mod reactions;
mod room;
mod room_changes;
mod room_messages;
mod room_slot;
mod seat;
mod seat_changes;
mod seq;
mod sweep;
#[cfg(test)]
mod test_encoder;

pub use delivery::{
    FrameEncoder, LeaveReason, Mailbox, NewMessage, Presence, Priority, ReactionChange, SharedFrame,
};
pub use directory::AccountCheck;
pub use hub::{EnterError, Entered, Hub, HubStats, Joined, Joiner, LobbyEntry, NotMember, OwnRoom};
pub use hub_invitations::InviteError;
pub use hub_shared::{ChatLimits, JoinInfo};
pub use invitations::{InvitationTerms, MAX_INVITATION_HOURS, MAX_INVITATION_USES, MAX_INVITATIONS};
pub use message_ring::{Backfill, BackfillBudget, MAX_RING, MissedChanges};
pub use reactions::{MAX_REACTIONS, Reaction};
pub use room::{AWAY_AFTER, MAX_MEMBERS, MemberState, Missed};
pub use room_changes::MessageChangeError;
pub use room_slot::{RoomHandle, RoomProperties};
pub use seat::{EndError, PublishError, Seat};
pub use seq::{Seq, SeqGap};
