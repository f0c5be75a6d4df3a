//! How a room speaks to the outside without knowing it.

use crate::clock::Timestamp;
use crate::types::{MessageText, RoomCode, UserName};

use super::room::Seq;

/// What may be dropped first when a receiver is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Who is typing: worthless a second later.
    Typing,
    /// Who came and went.
    Presence,
    /// What was said, and answers: never dropped, the receiver is closed instead.
    Message,
}

/// Whether somebody came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The person's first place in the room.
    Joined,
    /// The person's last place in the room is gone for good.
    Left,
}

/// Where one receiver's frames go. Delivery never waits and never fails: a full mailbox closes itself.
pub trait Mailbox<F>: Send + Sync + 'static {
    /// Queues one frame.
    fn deliver(&self, frame: F, urgency: Urgency);
    /// Queues one frame; `true` when nobody was told, and the caller must see to its delivery before long.
    fn queue(&self, frame: F, urgency: Urgency) -> bool {
        self.deliver(frame, urgency);
        false
    }
    /// Whether two handles are the same receiver.
    fn same(&self, other: &Self) -> bool;
}

/// Makes frames. A message is made once, whatever the number of receivers: all but its number before the room's lock is
/// taken ([`Wire::draft`]), the number under it ([`Wire::seal`]).
pub trait Wire: Send + Sync + 'static {
    /// A finished frame; cloning shares the bytes.
    type Frame: Clone + Send + Sync + 'static;
    /// A message that lacks its number.
    type Draft;
    /// A receiver.
    type Mailbox: Mailbox<Self::Frame> + Clone;

    /// A message without its number.
    fn draft(room: &RoomCode, user: &UserName, text: &MessageText<'_>, at: Timestamp) -> Self::Draft;
    /// The message with its number.
    fn seal(draft: Self::Draft, seq: Seq) -> Self::Frame;
    /// Somebody came or went.
    fn presence(room: &RoomCode, user: &UserName, event: Presence, at: Timestamp) -> Self::Frame;
    /// Somebody is typing.
    fn typing(room: &RoomCode, user: &UserName) -> Self::Frame;
}
