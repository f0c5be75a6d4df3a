//! One socket's place in a room, and what can be done from there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Event;
use crate::clock::Timestamp;
use crate::types::{MessageText, Person, RoomCode};

use super::delivery::{Presence, Urgency, Wire};
use super::entry::{Entry, Found, lock};
use super::hub::{Entered, Hub};
use super::room::Seq;

/// One socket's place in one room. Dropping it loses the place as a broken connection does; [`Membership::leave`] gives it up.
pub struct Membership<W: Wire> {
    pub(super) entry: Arc<Entry<W>>,
    pub(super) seat: u64,
    pub(super) person: Arc<Person>,
    pub(super) mailbox: W::Mailbox,
    pub(super) hub: Arc<Hub<W>>,
    /// Given up or lost already, so that dropping does nothing more.
    pub(super) left: bool,
}

impl<W: Wire> Membership<W> {
    /// The room's code.
    pub fn code(&self) -> &RoomCode {
        &self.entry.code
    }

    /// Says something to everybody here; receivers that the caller must see to are added to `due`. `None` when a newer socket has taken
    /// this place over.
    pub fn speak(&self, text: &MessageText<'_>, at: Timestamp, due: &mut VecDeque<W::Mailbox>) -> Option<Seq> {
        let draft = W::draft(&self.entry.code, &self.person.name, text, at);
        let ring = self.hub.limits().ring;
        let mut state = lock(&self.entry.state);
        if !state.room.holds(self.seat, &self.mailbox) {
            return None;
        }
        state.messages += 1;
        state.bytes += text.as_str().len() as u64;
        let (seq, receivers) = state.room.publish(ring, |seq| W::seal(draft, seq), due);
        drop(state);
        self.hub.published(receivers);
        Some(seq)
    }

    /// Shows the others that this person is typing. `None` as with [`Membership::speak`].
    pub fn typing(&self) -> Option<()> {
        let mut state = lock(&self.entry.state);
        if !state.room.holds(self.seat, &self.mailbox) {
            return None;
        }
        state.room.deliver(&W::typing(&self.entry.code, &self.person.name), Urgency::Typing, Some(self.seat));
        Some(())
    }

    /// Joined again on the same socket: the list of people and a new token, without presence.
    pub fn refresh(&self) -> Option<Entered> {
        let mut state = lock(&self.entry.state);
        if !state.room.holds(self.seat, &self.mailbox) {
            return None;
        }
        Some(self.hub.entered(&self.entry, &mut state, self.seat, &self.person))
    }

    /// The room.
    pub fn room(&self) -> Found<W> {
        Found(Arc::clone(&self.entry))
    }

    /// Makes way for `newer`, which the same socket has got for the same code: if that is another place, this one is lost.
    pub fn supersede(mut self, newer: &Self, now: Duration) {
        if Arc::ptr_eq(&self.entry, &newer.entry) && self.seat == newer.seat {
            self.left = true;
        } else {
            self.lose(now);
        }
    }

    /// Gives the place up at once. `false` when a newer socket has taken it over: then it is that one's to give up.
    pub fn leave(mut self, at: Timestamp, now: Duration) -> bool {
        self.left = true;
        let mut state = lock(&self.entry.state);
        if !state.room.holds(self.seat, &self.mailbox) {
            return false;
        }
        if state.room.leave(self.seat, now) == Some(true) {
            let frame = W::presence(&self.entry.code, &self.person.name, Presence::Left, at);
            state.room.deliver(&frame, Urgency::Presence, None);
        }
        drop(state);
        self.hub.note(Event::RoomLeft { user: self.person.name.clone(), room: self.entry.code.clone() });
        true
    }

    /// The socket is lost; the place stays for the grace time.
    pub fn lose(mut self, now: Duration) {
        self.left = true;
        lock(&self.entry.state).room.lose(self.seat, &self.mailbox, now);
    }
}

impl<W: Wire> Drop for Membership<W> {
    fn drop(&mut self) {
        if !self.left {
            // The socket's task ended without saying so (a panic): the grace runs from the room's first second, so the next sweep ends it.
            lock(&self.entry.state).room.lose(self.seat, &self.mailbox, Duration::ZERO);
        }
    }
}
