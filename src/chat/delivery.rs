//! Traits by which rooms encode and deliver frames.

use std::time::Instant;

use crate::clock::Timestamp;
use crate::types::{MessageText, RoomCode, UserName};

use super::seq::Seq;

/// Priority of a frame when a slow receiver forces drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Typing notices, stale after a second.
    Typing,
    /// Presence changes and read marks.
    Presence,
    /// Messages and replies. Never dropped; the receiver is closed instead.
    Message,
}

/// Presence change of a person in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The first session of the person became a member.
    Joined,
    /// The last session of the person ended its membership.
    Left,
    /// The person has had no socket in the room for [`AWAY_AFTER`](super::AWAY_AFTER).
    Away,
    /// A socket of a person who was away entered.
    Back,
}

/// Reason for the end of a membership, or of one socket's part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// The session left.
    Left,
    /// The room ended.
    Ended,
    /// The session has ended.
    SessionEnded,
    /// The room has its maximum number of sockets; a newer one of the session took the place.
    Superseded,
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
    /// Returns the time of the client's last sign of life.
    fn last_input(&self) -> Instant;
}

/// Complete frame; clones share the bytes.
pub trait SharedFrame: Clone + Send + Sync + 'static {
    /// Returns the memory of its bytes, spare capacity included.
    fn byte_count(&self) -> usize;
}

/// Encoder of frames. A message is encoded once for all receivers: everything but its number before the
/// room's lock is taken ([`FrameEncoder::begin`]), the number under the lock ([`FrameEncoder::finish`]).
pub trait FrameEncoder: Send + Sync + 'static {
    /// Complete frame.
    type Frame: SharedFrame;
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
    /// Encodes the end of a membership, without a reference.
    fn left(room: &RoomCode, reason: LeaveReason) -> Self::Frame;
    /// Encodes the last message that the person has read.
    fn read(room: &RoomCode, seq: Seq) -> Self::Frame;
}
