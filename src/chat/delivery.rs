//! Traits by which rooms encode and deliver frames.

use std::time::Instant;

use crate::clock::Timestamp;
use crate::types::{Emoji, MessageText, RoomCode, UserName};

use super::reactions::Reaction;
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

/// Message to publish.
#[derive(Clone, Copy)]
pub struct NewMessage<'a> {
    /// The text.
    pub text: &'a MessageText<'a>,
    /// Time of publication.
    pub at: Timestamp,
    /// Number of the message that this one answers.
    pub reply: Option<Seq>,
}

/// Reaction of one person that was added or taken back.
#[derive(Clone, Copy)]
pub struct ReactionChange<'a> {
    /// Number of the message.
    pub seq: Seq,
    /// The emoji.
    pub emoji: &'a Emoji,
    /// It was added.
    pub is_on: bool,
}

/// Memory of a kept frame besides its bytes: reference counts, and the headers of its two allocations.
pub(super) const FRAME_OVERHEAD: usize = 100;

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
    fn begin(room: &RoomCode, user: &UserName, message: &NewMessage<'_>) -> Self::Draft;
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
    /// Encodes an edit of message `seq`; `message` has the new text and the time of the edit.
    fn edited(room: &RoomCode, user: &UserName, seq: Seq, message: &NewMessage<'_>) -> Self::Frame;
    /// Encodes the removal of message `seq`.
    fn removed(room: &RoomCode, user: &UserName, seq: Seq, at: Timestamp) -> Self::Frame;
    /// Encodes a reaction, with `all` of the message for a socket that may lack others.
    fn reacted(
        room: &RoomCode,
        user: &UserName,
        change: ReactionChange<'_>,
        all: Option<&[Reaction]>,
    ) -> Self::Frame;
    /// Encodes a message anew from the frame of its last state: with another text, if it was edited, and its
    /// reactions.
    fn revise(message: &Self::Frame, edit: Option<&NewMessage<'_>>, reactions: &[Reaction]) -> Self::Frame;
}
