//! Messages of a room: publishing, replaying, read marks and delivery.

use std::collections::VecDeque;

use crate::types::UserId;

use super::delivery::{Mailbox, Priority, SharedFrame};
use super::message_ring::{Backfill, BackfillBudget, Entry};
use super::room::Room;
use super::seq::Seq;

/// Message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) seq: Seq,
    /// Number of receivers.
    pub(super) receivers: u64,
}

impl<F: SharedFrame, M: Mailbox<F> + Clone> Room<F, M> {
    /// Returns missed messages after `since`. Once none are missing, the socket gets new ones directly.
    /// `None` if the socket is no longer in the room.
    pub(super) fn backfill(&mut self, seat: u64, since: Seq, budget: BackfillBudget) -> Option<Backfill<F>> {
        let at = self.seat_index(seat)?;
        let missed = self.ring.after(since, self.last_seq, budget);
        self.seats[at].is_live = missed.until >= self.last_seq;
        Some(missed)
    }

    /// Returns the last message that the person has read.
    pub(super) fn read_of(&self, user: UserId) -> Seq {
        self.people.iter().find(|occupant| occupant.person.id == user).map_or(0, |occupant| occupant.read)
    }

    /// Records that the person has read up to `seq`. Returns the number if it grew.
    pub(super) fn record_read(&mut self, user: UserId, seq: Seq) -> Option<Seq> {
        let seq = seq.min(self.last_seq);
        let occupant = self.occupant(user).filter(|occupant| occupant.read < seq)?;
        occupant.read = seq;
        Some(seq)
    }

    /// Delivers a frame to the person's sockets but `except`.
    pub(super) fn deliver_to(&self, user: UserId, frame: &F, urgency: Priority, except: u64) {
        for seat in self.seats.iter().filter(|s| s.id != except && self.user_of(s.member) == Some(user)) {
            seat.mailbox.deliver(frame.clone(), urgency);
        }
    }

    /// Drops the messages.
    pub(super) fn wipe(&mut self) {
        self.ring.clear();
    }

    /// Drops the oldest messages until their memory is at most `most` bytes.
    pub(super) fn shrink_ring(&mut self, most: usize) {
        while self.ring.memory() > most && self.ring.pop() {}
        if self.ring.len() == 0 {
            self.ring.clear();
        }
    }

    /// Numbers a message, stores it in the ring of `ring` entries and queues it for all receivers. Receivers
    /// that the caller must flush are added to `due`.
    pub(super) fn publish(
        &mut self,
        ring: usize,
        author: UserId,
        seal: impl FnOnce(Seq) -> F,
        due: &mut VecDeque<M>,
    ) -> Published {
        self.last_seq += 1;
        let frame = seal(self.last_seq);
        self.ring.push(self.last_seq, Entry { frame: frame.clone(), author }, ring);
        let mut receivers = 0;
        for seat in self.seats.iter().filter(|seat| seat.is_live) {
            receivers += 1;
            if seat.mailbox.queue(frame.clone(), Priority::Message) {
                if due.len() == due.capacity() {
                    // If one receiver needs a flush, most likely all do.
                    due.reserve(self.seats.len());
                }
                due.push_back(seat.mailbox.clone());
            }
        }
        Published { seq: self.last_seq, receivers }
    }

    /// Delivers a frame to all receivers but `except`, without storing it.
    pub(super) fn deliver(&self, frame: &F, urgency: Priority, except: Option<u64>) {
        for seat in self.seats.iter().filter(|s| Some(s.id) != except) {
            seat.mailbox.deliver(frame.clone(), urgency);
        }
    }
}
