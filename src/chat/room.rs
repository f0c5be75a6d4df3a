//! Room as a pure state machine: seats, message numbers and a ring of recent messages. No clock, no lock, no
//! I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::types::{Person, UserId, UserName};

use super::delivery::{Mailbox, Priority};
use super::seq::Seq;

/// Maximum sockets in one room. Seats of 56 bytes take 56 KiB a room; the bound on sockets limits all rooms
/// together.
pub const MAX_SEATS: usize = 1024;
/// Maximum messages kept for `resume`. One pointer each: 2 KiB for a room with messages, 2 MiB for all 1024
/// rooms.
pub const MAX_RING: usize = 256;

type Ring<F> = heapless::Deque<F, MAX_RING>;

/// Seat of one socket in a room; it outlives the socket by the grace time.
struct Seat<M> {
    id: u64,
    /// Incremented on every handover, so that older resume tokens are invalid.
    generation: u32,
    person: Arc<Person>,
    /// Last number when the seat was taken; earlier messages are not for this person.
    from: Seq,
    /// `None` while disconnected.
    mailbox: Option<M>,
    /// Time of disconnection (monotonic).
    lost_at: Duration,
}

/// The room has no free seat.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomFull;

/// Messages missed by a socket while it was away.
#[derive(Debug, PartialEq, Eq)]
pub struct Backfill<F> {
    /// Numbers that the ring no longer holds.
    pub gap: Option<SeqGap>,
    /// Messages after the gap, oldest first.
    pub messages: Vec<F>,
}

/// Messages that are no longer available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqGap {
    /// First missing number.
    pub first: Seq,
    /// Last missing number.
    pub last: Seq,
}

/// Seat that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seated {
    pub(super) seat: u64,
    /// The person had no other seat.
    pub(super) is_first: bool,
}

/// Message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) seq: Seq,
    /// Number of receivers.
    pub(super) receivers: u64,
}

/// Result of giving a seat up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaveOutcome {
    /// It was the person's last seat.
    PersonLeft,
    /// The person has another seat.
    PersonStays,
    /// There was no such seat.
    NoSuchSeat,
}

/// State of one room; `F` is a frame, `M` a receiver.
pub(super) struct Room<F, M> {
    /// At most [`MAX_SEATS`]; grows on demand, as most rooms are small.
    seats: Vec<Seat<M>>,
    /// Recent messages, oldest first; their numbers end at `last_seq`. Allocated with the first message.
    ring: Option<Box<Ring<F>>>,
    last_seq: Seq,
    next_seat: u64,
    /// Time at which the last seat ended, if the room is empty (monotonic).
    pub(super) empty_since: Option<Duration>,
}

impl<F: Clone, M: Mailbox<F> + Clone> Room<F, M> {
    /// Returns an empty room.
    pub(super) fn new(now: Duration) -> Self {
        Self { seats: Vec::new(), ring: None, last_seq: 0, next_seat: 1, empty_since: Some(now) }
    }

    pub(super) fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// Returns the names of the members, sorted, without duplicates. Disconnected members count until their
    /// grace time ends.
    pub(super) fn members(&self) -> Vec<UserName> {
        let mut names: Vec<_> = self.seats.iter().map(|s| s.person.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the number of members.
    pub(super) fn head_count(&self) -> usize {
        let mut ids: Vec<_> = self.seats.iter().map(|s| s.person.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    fn has(&self, user: UserId) -> bool {
        self.seats.iter().any(|s| s.person.id == user)
    }

    fn find(&mut self, seat: u64) -> Option<&mut Seat<M>> {
        self.seats.iter_mut().find(|s| s.id == seat)
    }

    /// Takes a seat, at most `limit` in all.
    pub(super) fn enter(
        &mut self,
        person: &Arc<Person>,
        mailbox: M,
        limit: usize,
    ) -> Result<Seated, RoomFull> {
        if self.seats.len() >= limit.min(MAX_SEATS) {
            return Err(RoomFull);
        }
        let is_first = !self.has(person.id);
        let id = self.next_seat;
        let seat = Seat {
            id,
            generation: 0,
            person: Arc::clone(person),
            from: self.last_seq,
            mailbox: Some(mailbox),
            lost_at: Duration::ZERO,
        };
        if self.seats.len() == self.seats.capacity() {
            // Growth by a quarter: most rooms are small, and there may be a thousand.
            self.seats.reserve_exact((self.seats.len() / 4).max(2));
        }
        self.seats.push(seat);
        self.next_seat += 1;
        self.empty_since = None;
        Ok(Seated { seat: id, is_first })
    }

    /// Raises the seat's generation, which invalidates older resume tokens. `None` without such a seat.
    pub(super) fn new_generation(&mut self, seat: u64) -> Option<u32> {
        let seat = self.find(seat)?;
        seat.generation += 1;
        Some(seat.generation)
    }

    /// Hands a seat to a new socket, even if the old one still seems connected. Returns the messages missed
    /// after `since`, or `None` if seat, generation or person do not match.
    pub(super) fn resume(
        &mut self,
        seat: u64,
        generation: u32,
        user: UserId,
        mailbox: M,
        since: Seq,
    ) -> Option<Backfill<F>> {
        let seat = self.find(seat).filter(|s| s.generation == generation && s.person.id == user)?;
        seat.mailbox = Some(mailbox);
        let since = since.max(seat.from);
        Some(self.missed(since))
    }

    fn missed(&self, since: Seq) -> Backfill<F> {
        let missing = self.last_seq.saturating_sub(since);
        let ring = self.ring.as_deref();
        let kept = ring.map_or(0, Ring::len) as Seq;
        let replayed = missing.min(kept);
        let gap = (missing > kept).then(|| SeqGap { first: since + 1, last: self.last_seq - kept });
        let skip = usize::try_from(kept - replayed).unwrap_or(usize::MAX);
        Backfill { gap, messages: ring.into_iter().flatten().skip(skip).cloned().collect() }
    }

    /// Returns true if `mailbox` owns this seat; a newer socket may have taken it over.
    pub(super) fn owns_seat(&mut self, seat: u64, mailbox: &M) -> bool {
        self.find(seat).is_some_and(|s| s.mailbox.as_ref().is_some_and(|m| m.ptr_eq(mailbox)))
    }

    /// Disconnects the socket; the seat stays for the grace time.
    pub(super) fn detach(&mut self, seat: u64, mailbox: &M, now: Duration) {
        if let Some(seat) = self.find(seat)
            && seat.mailbox.as_ref().is_some_and(|m| m.ptr_eq(mailbox))
        {
            seat.mailbox = None;
            seat.lost_at = now;
        }
    }

    /// Gives the seat up.
    pub(super) fn leave(&mut self, seat: u64, now: Duration) -> LeaveOutcome {
        let Some(index) = self.seats.iter().position(|s| s.id == seat) else {
            return LeaveOutcome::NoSuchSeat;
        };
        let gone = self.seats.swap_remove(index);
        self.wipe_if_empty(now);
        if self.has(gone.person.id) { LeaveOutcome::PersonStays } else { LeaveOutcome::PersonLeft }
    }

    /// Removes the seats whose grace time has ended. Returns the people who have left with them.
    pub(super) fn expire(&mut self, now: Duration, grace: Duration) -> Vec<Arc<Person>> {
        let over = |s: &Seat<M>| s.mailbox.is_none() && now.saturating_sub(s.lost_at) >= grace;
        let mut gone: Vec<_> = self.seats.iter().filter(|s| over(s)).map(|s| Arc::clone(&s.person)).collect();
        self.seats.retain(|s| !over(s));
        gone.sort_unstable_by_key(|p| p.id);
        gone.dedup_by_key(|p| p.id);
        gone.retain(|p| !self.has(p.id));
        if !gone.is_empty() {
            self.wipe_if_empty(now);
        }
        gone
    }

    /// Drops the messages of an empty room; frames are zeroed when the last receiver releases them.
    fn wipe_if_empty(&mut self, now: Duration) {
        if self.seats.is_empty() && self.empty_since.is_none() {
            self.ring = None;
            self.empty_since = Some(now);
        }
    }

    /// Numbers a message, stores it in the ring of `ring` entries and queues it for all receivers. Receivers
    /// that the caller must flush are added to `due`.
    pub(super) fn publish(
        &mut self,
        ring: usize,
        seal: impl FnOnce(Seq) -> F,
        due: &mut VecDeque<M>,
    ) -> Published {
        self.last_seq += 1;
        let frame = seal(self.last_seq);
        let kept = self.ring.get_or_insert_default();
        while kept.len() >= ring.clamp(1, MAX_RING) {
            kept.pop_front();
        }
        // The loop above has made space.
        let _ = kept.push_back(frame.clone());
        let mut receivers = 0;
        for mailbox in self.seats.iter().filter_map(|seat| seat.mailbox.as_ref()) {
            receivers += 1;
            if mailbox.queue(frame.clone(), Priority::Message) {
                if due.len() == due.capacity() {
                    // If one receiver needs a flush, most likely all do.
                    due.reserve(self.seats.len());
                }
                due.push_back(mailbox.clone());
            }
        }
        Published { seq: self.last_seq, receivers }
    }

    /// Returns the number of seats taken.
    pub(super) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Delivers a frame to all receivers but `except`, without storing it. Returns the number of receivers.
    pub(super) fn deliver(&self, frame: &F, urgency: Priority, except: Option<u64>) -> u64 {
        let mut receivers = 0;
        for seat in self.seats.iter().filter(|s| Some(s.id) != except) {
            if let Some(mailbox) = &seat.mailbox {
                mailbox.deliver(frame.clone(), urgency);
                receivers += 1;
            }
        }
        receivers
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
