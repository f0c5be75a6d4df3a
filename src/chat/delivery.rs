//! Traits by which rooms encode and deliver frames.

use crate::clock::Timestamp;
use crate::types::{MessageText, RoomCode, UserName};

use super::seq::Seq;

/// Priority of a frame when a slow receiver forces drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Typing notices, stale after a second.
    Typing,
    /// Joins and leaves.
    Presence,
    /// Messages and replies. Never dropped; the receiver is closed instead.
    Message,
}

/// Presence change of a person in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The person took a first seat in the room.
    Joined,
    /// The person's last seat in the room ended.
    Left,
}

/// Receiver of frames. Delivery never blocks and never fails: a full mailbox closes itself.
pub trait Mailbox<F>: Send + Sync + 'static {
    /// Queues one frame.
    fn deliver(&self, frame: F, urgency: Priority);
    /// Queues one frame; returns true if no flush is scheduled and the caller must trigger one soon.
    fn queue(&self, frame: F, urgency: Priority) -> bool {
        self.deliver(frame, urgency);
        false
    }
    /// Returns true if both handles are the same receiver.
    fn ptr_eq(&self, other: &Self) -> bool;
}

/// Encoder of frames. A message is encoded once for all receivers: everything but its number before the
/// room's lock is taken ([`FrameEncoder::begin`]), the number under the lock ([`FrameEncoder::finish`]).
pub trait FrameEncoder: Send + Sync + 'static {
    /// Complete frame; clones share the bytes.
    type Frame: Clone + Send + Sync + 'static;
    /// Message without its number.
    type Draft;
    /// Receiver of frames.
    type Mailbox: Mailbox<Self::Frame> + Clone;

    /// Encodes a message except for its number.
    fn begin(room: &RoomCode, user: &UserName, text: &MessageText<'_>, at: Timestamp) -> Self::Draft;
    /// Completes the message with its number.
    fn finish(draft: Self::Draft, seq: Seq) -> Self::Frame;
    /// Encodes a presence change.
    fn presence(room: &RoomCode, user: &UserName, event: Presence, at: Timestamp) -> Self::Frame;
    /// Encodes a typing notice.
    fn typing(room: &RoomCode, user: &UserName) -> Self::Frame;
}
