//! Membership of one socket in a room, and its operations.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Event;
use crate::clock::{Now, Timestamp};
use crate::locks::lock;
use crate::types::{MessageText, Person, RoomCode, RoomKind};

use super::delivery::{FrameEncoder, Presence, Priority};
use super::hub_shared::{HubShared, JoinInfo};
use super::room::{LeaveOutcome, Published};
use super::room_slot::{RoomHandle, RoomSlot};
use super::seq::Seq;

/// Seat of one socket in one room. Dropping it keeps the seat for the grace time, as a broken connection
/// does; [`Membership::leave`] gives it up.
pub struct Membership<W: FrameEncoder> {
    pub(super) entry: Arc<RoomSlot<W>>,
    pub(super) seat: u64,
    pub(super) person: Arc<Person>,
    pub(super) mailbox: W::Mailbox,
    pub(super) hub: Arc<HubShared>,
    /// The seat was given up or disconnected already, so that dropping does nothing.
    pub(super) left: bool,
}

impl<W: FrameEncoder> Membership<W> {
    /// Returns the room's code.
    pub fn code(&self) -> &RoomCode {
        &self.entry.code
    }

    /// Returns the room's kind.
    pub fn kind(&self) -> RoomKind {
        self.entry.kind
    }

    /// Publishes a message to all receivers. Receivers that the caller must flush are added to `due`. `None`
    /// if a newer socket has taken over this seat.
    pub fn publish(
        &self,
        text: &MessageText<'_>,
        at: Timestamp,
        due: &mut VecDeque<W::Mailbox>,
    ) -> Option<Seq> {
        let draft = W::begin(&self.entry.code, &self.person.name, text, at);
        let ring = self.hub.limits().ring;
        let mut state = lock(&self.entry.state);
        if !state.room.owns_seat(self.seat, &self.mailbox) {
            return None;
        }
        state.messages += 1;
        state.bytes += text.as_str().len() as u64;
        let Published { seq, receivers } = state.room.publish(ring, |seq| W::finish(draft, seq), due);
        drop(state);
        self.hub.count_delivery(receivers);
        Some(seq)
    }

    /// Sends a typing notice to the others. `None` as for [`Membership::speak`].
    pub fn typing(&self) -> Option<()> {
        let mut state = lock(&self.entry.state);
        if !state.room.owns_seat(self.seat, &self.mailbox) {
            return None;
        }
        state.room.deliver(
            &W::typing(&self.entry.code, &self.person.name),
            Priority::Typing,
            Some(self.seat),
        );
        Some(())
    }

    /// Answers a repeated join on the same socket: members and a new token, without a presence frame.
    pub fn refresh(&self) -> Option<JoinInfo> {
        let mut state = lock(&self.entry.state);
        if !state.room.owns_seat(self.seat, &self.mailbox) {
            return None;
        }
        Some(self.hub.join_info(&self.entry, &mut state, self.seat, &self.person))
    }

    /// Returns the room.
    pub fn room(&self) -> RoomHandle<W> {
        RoomHandle(Arc::clone(&self.entry))
    }

    /// Yields to `newer`, which the same socket got for the same code; a different seat is disconnected.
    pub fn replaced_by(mut self, newer: &Self, now: Duration) {
        if Arc::ptr_eq(&self.entry, &newer.entry) && self.seat == newer.seat {
            self.left = true;
        } else {
            self.disconnect(now);
        }
    }

    /// Gives the seat up at once. `false` if a newer socket has taken it over; that one owns the seat.
    pub fn leave(mut self, now: Now) -> bool {
        self.left = true;
        let mut state = lock(&self.entry.state);
        if !state.room.owns_seat(self.seat, &self.mailbox) {
            return false;
        }
        if state.room.leave(self.seat, now.mono) == LeaveOutcome::PersonLeft {
            let frame = W::presence(&self.entry.code, &self.person.name, Presence::Left, now.wall);
            state.room.deliver(&frame, Priority::Presence, None);
        }
        drop(state);
        self.hub.audit(Event::RoomLeft { user: self.person.name.clone(), room: self.entry.code.clone() });
        true
    }

    /// Disconnects the socket; the seat stays for the grace time.
    pub fn disconnect(mut self, now: Duration) {
        self.left = true;
        lock(&self.entry.state).room.detach(self.seat, &self.mailbox, now);
    }
}

impl<W: FrameEncoder> Drop for Membership<W> {
    fn drop(&mut self) {
        if !self.left {
            // The socket's task ended early (a panic). A grace time counted from zero lets the next sweep end
            // the seat.
            lock(&self.entry.state).room.detach(self.seat, &self.mailbox, Duration::ZERO);
        }
    }
}
