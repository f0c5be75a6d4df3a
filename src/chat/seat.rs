//! Seat of one socket in a room, and its operations.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Now;
use crate::locks::lock;
use crate::types::crypto::Sha256;
use crate::types::{Person, RoomCode};

use super::delivery::{FrameEncoder, LeaveReason, NewMessage, Priority};
use super::hub_shared::HubShared;
use super::message_ring::{Backfill, BackfillBudget};
use super::room_messages::Published;
use super::room_slot::RoomSlot;
use super::seq::Seq;

/// Seat of one socket in one room. Dropping it detaches the socket; the membership of its session stays.
pub struct Seat<W: FrameEncoder> {
    pub(super) slot: Arc<RoomSlot<W>>,
    pub(super) id: u64,
    pub(super) person: Arc<Person>,
    pub(super) hub: Arc<HubShared<W>>,
    /// The socket is detached already, so that dropping does nothing.
    pub(super) is_detached: bool,
}

/// Reason why a room was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndError {
    /// The socket is not in the room.
    NotMember,
    /// The person did not create the room, or others are members.
    NotAllowed,
}

/// Reason why a message was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The socket is not in the room.
    NotMember,
    /// The message that it answers was never published.
    UnknownReply,
}

impl<W: FrameEncoder> Seat<W> {
    /// Returns the room's code as its maker wrote it.
    pub fn code(&self) -> &RoomCode {
        &self.slot.is.code
    }

    /// Returns true while the socket is in the room.
    pub fn is_attached(&self) -> bool {
        lock(&self.slot.state).room.has_seat(self.id)
    }

    /// Returns true if both are the same seat.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id && Arc::ptr_eq(&self.slot, &other.slot)
    }

    /// Publishes a message to all receivers. Receivers that the caller must flush are added to `due`.
    pub fn publish(
        &self,
        message: &NewMessage<'_>,
        due: &mut VecDeque<W::Mailbox>,
    ) -> Result<Seq, PublishError> {
        let draft = W::begin(self.code(), &self.person.name, message);
        let limits = self.hub.limits();
        let mut state = lock(&self.slot.state);
        if !state.room.has_seat(self.id) {
            return Err(PublishError::NotMember);
        }
        if message.reply.is_some_and(|reply| reply == 0 || reply > state.room.last_seq()) {
            return Err(PublishError::UnknownReply);
        }
        state.messages += 1;
        state.bytes += message.text.as_str().len() as u64;
        let author = self.person.id;
        let Published { seq, receivers } =
            state.room.publish(limits.ring, author, |seq| W::finish(draft, seq), due);
        self.hub.settle_memory(&self.slot, &state);
        drop(state);
        if self.hub.memory() > limits.memory {
            self.hub.trim_memory();
        }
        self.hub.count_delivery(receivers);
        Ok(seq)
    }

    /// Sends a typing notice to the others. `None` if the socket is no longer in the room.
    pub fn typing(&self) -> Option<()> {
        let state = lock(&self.slot.state);
        if !state.room.has_seat(self.id) {
            return None;
        }
        state.room.deliver(&W::typing(self.code(), &self.person.name), Priority::Typing, Some(self.id));
        Some(())
    }

    /// Records that the person has read up to `seq`, and tells the person's other sockets in the room if
    /// `tell`. `None` as for [`Seat::typing`].
    pub fn read(&self, seq: Seq, tell: bool) -> Option<()> {
        let mut state = lock(&self.slot.state);
        if !state.room.has_seat(self.id) {
            return None;
        }
        if let Some(seq) = state.room.record_read(self.person.id, seq)
            && tell
        {
            let frame = W::read(self.code(), seq);
            state.room.deliver_to(self.person.id, &frame, Priority::Presence, self.id);
        }
        Some(())
    }

    /// Returns missed messages after `since`. Once none are missing, the socket gets new ones directly.
    /// `None` as for [`Seat::typing`].
    pub fn backfill(&self, since: Seq, budget: BackfillBudget) -> Option<(Backfill<W::Frame>, bool)> {
        let mut state = lock(&self.slot.state);
        let missed = state.room.backfill(self.id, since, budget)?;
        let is_complete = missed.until >= state.room.last_seq();
        Some((missed, is_complete))
    }

    /// Ends the membership of the session. Its other sockets are told; `own` is this socket's receiver.
    /// Returns false if the socket was no longer in the room.
    pub fn leave(mut self, own: &W::Mailbox, now: Now) -> bool {
        self.is_detached = true;
        let session = self.session_now();
        session.is_some_and(|session| self.hub.leave(&self.slot, &session, LeaveReason::Left, Some(own), now))
    }

    /// Returns the session that has the membership now; a new password passes it to another.
    fn session_now(&self) -> Option<Sha256> {
        lock(&self.slot.state).room.session_of(self.id)
    }

    /// Ends the room for the person who created it and is alone in it. Its other sockets are told.
    pub fn end_room(&self) -> Result<(), EndError> {
        if !self.is_attached() {
            return Err(EndError::NotMember);
        }
        let is_alone = |people: usize| people <= 1;
        let is_allowed = self.slot.maker == self.person.id
            && self.hub.end(&self.slot, Some(self.id), |state| is_alone(state.room.head_count()));
        if is_allowed { Ok(()) } else { Err(EndError::NotAllowed) }
    }

    /// Yields to `newer`, which the same socket got for the same room; a different seat is detached.
    pub fn replaced_by(mut self, newer: &Self, now: Duration) {
        if self.is(newer) {
            self.is_detached = true;
        } else {
            self.detach_at(now);
        }
    }

    /// Detaches the socket; the membership stays.
    pub fn detach(mut self, now: Duration) {
        self.detach_at(now);
    }

    fn detach_at(&mut self, now: Duration) {
        self.is_detached = true;
        let mut state = lock(&self.slot.state);
        state.room.detach(self.id, now);
        self.hub.wipe_if_due(&self.slot, &mut state, now);
    }
}

impl<W: FrameEncoder> Drop for Seat<W> {
    fn drop(&mut self) {
        if !self.is_detached {
            // The socket's task ended early (a panic). An absence counted from zero lets the next sweep end
            // what is due.
            self.detach_at(Duration::ZERO);
        }
    }
}
