//! Room as a pure state machine: members, their sockets, message numbers and recent messages. No clock, no
//! lock, no I/O.
//!
//! A *member* is a session. It may have several *seats*, one for each socket that has entered. An *occupant*
//! is a person with at least one member session.

use std::sync::Arc;
use std::time::Duration;

use crate::types::crypto::Sha256;
use crate::types::{Person, UserId, UserName};

use super::delivery::{Mailbox, Presence, SharedFrame};
use super::message_ring::Ring;
use super::seq::Seq;

/// Maximum member sessions of one room. 56 bytes each, and 32 for each person: 88 KiB a room. With the entry
/// in the directory a member without a socket has under 300 bytes.
pub const MAX_MEMBERS: usize = 1024;
/// Sockets in a room for each member session that it may have. A member is never refused: past this, another
/// socket of a session with several gives way.
const SEATS_PER_MEMBER: usize = 4;
/// Time without a socket in the room after which a person is away. A phone that changes networks takes under
/// 10 s.
pub const AWAY_AFTER: Duration = Duration::from_secs(30);

/// Socket that has entered; 32 bytes, since every message visits all of them.
pub(super) struct Attached<M> {
    /// Grows, so that the list is sorted.
    pub(super) id: u64,
    pub(super) member: u64,
    pub(super) mailbox: M,
    /// False while missed messages are replayed; new ones then come from the ring.
    pub(super) is_live: bool,
}

/// Session that was let in.
pub(super) struct Member {
    id: u64,
    /// Digest of the session's token.
    session: Sha256,
    person: Arc<Person>,
    /// Last number when the membership began; earlier messages are not for this session.
    floor: Seq,
}

/// Person with a member session.
pub(super) struct Occupant {
    pub(super) person: Arc<Person>,
    /// Last message read on any device.
    pub(super) read: Seq,
    /// Second of the end of the person's last socket in the room (monotonic); `None` while the person is here.
    absent_since: Option<u32>,
    /// The others were told that the person is away.
    away_told: bool,
}

/// The room has its maximum number of member sessions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomFull;

/// Row of the list of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberState {
    /// The person.
    pub name: UserName,
    /// The others were told that the person is away.
    pub is_away: bool,
}

/// Messages and changes that a socket which enters lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Number after which messages are replayed; `None` if none are missing.
    pub messages: Option<Seq>,
    /// Changed messages that the socket may have: after the first number, up to the second.
    pub changes: Option<(Seq, Seq)>,
}

/// Result of attaching a socket.
#[derive(Debug)]
pub(super) struct Attachment<M> {
    pub(super) seat: u64,
    /// Presence to tell the others.
    pub(super) presence: Option<Presence>,
    pub(super) missed: Missed,
    /// Receiver of a socket that gave way.
    pub(super) superseded: Option<M>,
}

/// Membership that ended.
#[derive(Debug)]
pub(super) struct Departure<M> {
    pub(super) person: Arc<Person>,
    /// Receivers of the session.
    pub(super) mailboxes: Vec<M>,
    /// The person has no other session in the room.
    pub(super) person_left: bool,
}

/// State of one room; `F` is a frame, `M` a receiver.
pub(super) struct Room<F, M> {
    /// Sorted by `id`. All lists grow on demand, as most rooms are small.
    pub(super) seats: Vec<Attached<M>>,
    /// At most [`MAX_MEMBERS`], sorted by `id`, so oldest first.
    pub(super) members: Vec<Member>,
    pub(super) people: Vec<Occupant>,
    pub(super) ring: Ring<F>,
    pub(super) last_seq: Seq,
    pub(super) next_id: u64,
    /// Time since which no socket is in the room (monotonic).
    pub(super) quiet_since: Option<Duration>,
}

/// Returns a monotonic time in whole seconds. 2³² of them are 136 years.
fn whole_seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

/// Grows a list by an eighth: most rooms are small, and there may be a thousand.
fn push_tight<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(1));
    }
    list.push(item);
}

impl<F: SharedFrame, M: Mailbox<F> + Clone> Room<F, M> {
    /// Returns a room without members.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            seats: Vec::new(),
            members: Vec::new(),
            people: Vec::new(),
            ring: Ring::new(),
            last_seq: 0,
            next_id: 1,
            quiet_since: Some(now),
        }
    }

    pub(super) fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// Returns the people, sorted by name.
    pub(super) fn members(&self) -> Vec<MemberState> {
        let row = |p: &Occupant| MemberState { name: p.person.name.clone(), is_away: p.away_told };
        let mut rows: Vec<_> = self.people.iter().map(row).collect();
        rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Returns the number of people.
    pub(super) fn head_count(&self) -> usize {
        self.people.len()
    }

    /// Returns the number of member sessions.
    pub(super) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Returns the number of sockets.
    pub(super) fn seat_count(&self) -> usize {
        self.seats.len()
    }

    /// Returns the sessions of all members.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Sha256> {
        self.members.iter().map(|member| member.session)
    }

    /// Returns the memory of the messages in bytes.
    pub(super) fn ring_memory(&self) -> usize {
        self.ring.memory()
    }

    fn member(&self, session: &Sha256) -> Option<&Member> {
        self.members.iter().find(|member| member.session == *session)
    }

    pub(super) fn occupant(&mut self, user: UserId) -> Option<&mut Occupant> {
        self.people.iter_mut().find(|occupant| occupant.person.id == user)
    }

    pub(super) fn user_of(&self, member: u64) -> Option<UserId> {
        let at = self.members.binary_search_by_key(&member, |m| m.id).ok()?;
        Some(self.members[at].person.id)
    }

    /// Returns the last number before a membership; the room's last number if it has ended.
    pub(super) fn floor_of(&self, member: u64) -> Seq {
        let at = self.members.binary_search_by_key(&member, |m| m.id);
        at.map_or(self.last_seq, |at| self.members[at].floor)
    }

    fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Returns true if the session is a member.
    pub(super) fn has_member(&self, session: &Sha256) -> bool {
        self.member(session).is_some()
    }

    /// Makes the session a member, at most `limit` in all. Returns true if it is the person's first one.
    pub(super) fn admit(
        &mut self,
        session: Sha256,
        person: &Arc<Person>,
        limit: usize,
    ) -> Result<bool, RoomFull> {
        if self.has_member(&session) {
            return Ok(false);
        }
        if self.members.len() >= limit.min(MAX_MEMBERS) {
            return Err(RoomFull);
        }
        let (id, floor) = (self.new_id(), self.last_seq);
        push_tight(&mut self.members, Member { id, session, person: Arc::clone(person), floor });
        if self.occupant(person.id).is_some() {
            return Ok(false);
        }
        let newcomer =
            Occupant { person: Arc::clone(person), read: floor, absent_since: None, away_told: false };
        push_tight(&mut self.people, newcomer);
        Ok(true)
    }

    /// Attaches a socket of a member. Messages after `since` are replayed, never those of before the
    /// membership; without `since` none are. `limit` is that of member sessions.
    pub(super) fn attach(
        &mut self,
        session: &Sha256,
        mailbox: &M,
        since: Option<Seq>,
        limit: usize,
    ) -> Option<Attachment<M>> {
        let member = self.member(session)?;
        let (member, user, floor) = (member.id, member.person.id, member.floor);
        let from = since.map_or(self.last_seq, |since| since.max(floor).min(self.last_seq));
        let is_live = from == self.last_seq;
        let may_have =
            since.is_some_and(|since| since <= self.last_seq) && self.ring.has_changes(floor, from);
        let missed =
            Missed { messages: (!is_live).then_some(from), changes: may_have.then_some((floor, from)) };
        let own = self.seats.iter_mut().find(|s| s.member == member && s.mailbox.ptr_eq(mailbox));
        if let Some(seat) = own {
            seat.is_live = is_live;
            return Some(Attachment { seat: seat.id, presence: None, missed, superseded: None });
        }
        let superseded = self.make_way(member, limit);
        let id = self.new_id();
        push_tight(&mut self.seats, Attached { id, member, mailbox: mailbox.clone(), is_live });
        self.quiet_since = None;
        let was_away = self.occupant(user).is_some_and(|occupant| {
            occupant.absent_since = None;
            std::mem::take(&mut occupant.away_told)
        });
        let presence = was_away.then_some(Presence::Back);
        Some(Attachment { seat: id, presence, missed, superseded })
    }

    /// Removes one socket if the room is full of them: the longest silent of the session, or of the session
    /// with most.
    fn make_way(&mut self, member: u64, limit: usize) -> Option<M> {
        if self.seats.len() < limit.clamp(1, MAX_MEMBERS) * SEATS_PER_MEMBER {
            return None;
        }
        let count = |member: u64| self.seats.iter().filter(|s| s.member == member).count();
        let giving = if count(member) > 0 {
            member
        } else {
            self.members.iter().map(|m| m.id).max_by_key(|id| count(*id))?
        };
        let of_it = self.seats.iter().enumerate().filter(|(_, s)| s.member == giving);
        let (at, _) = of_it.min_by_key(|(_, s)| s.mailbox.last_input())?;
        Some(self.seats.remove(at).mailbox)
    }

    pub(super) fn seat_index(&self, seat: u64) -> Option<usize> {
        self.seats.binary_search_by_key(&seat, |s| s.id).ok()
    }

    /// Returns true if the socket is still in the room.
    pub(super) fn has_seat(&self, seat: u64) -> bool {
        self.seat_index(seat).is_some()
    }

    /// Returns the session of a socket in the room.
    pub(super) fn session_of(&self, seat: u64) -> Option<Sha256> {
        let member = self.seats[self.seat_index(seat)?].member;
        let at = self.members.binary_search_by_key(&member, |m| m.id).ok()?;
        Some(self.members[at].session)
    }

    /// Detaches a socket; the membership stays.
    pub(super) fn detach(&mut self, seat: u64, now: Duration) {
        let Some(at) = self.seat_index(seat) else { return };
        let member = self.seats.remove(at).member;
        if let Some(user) = self.user_of(member) {
            self.note_absence(user, now);
        }
    }

    /// Starts the clocks of a person, and of the room, whose last socket has gone.
    fn note_absence(&mut self, user: UserId, now: Duration) {
        let is_here = self.seats.iter().any(|s| self.user_of(s.member) == Some(user));
        if !is_here && let Some(occupant) = self.occupant(user) {
            occupant.absent_since.get_or_insert(whole_seconds(now));
        }
        if self.seats.is_empty() {
            self.quiet_since.get_or_insert(now);
        }
    }

    /// Marks the people who have had no socket for [`AWAY_AFTER`], and returns those not yet told to be away.
    pub(super) fn mark_away(&mut self, now: Duration) -> Vec<Arc<Person>> {
        let is_due = |occupant: &&mut Occupant| {
            let is_over = |since: u32| now.saturating_sub(Duration::from_secs(since.into())) >= AWAY_AFTER;
            !occupant.away_told && occupant.absent_since.is_some_and(is_over)
        };
        let mut due = Vec::new();
        for occupant in self.people.iter_mut().filter(is_due) {
            occupant.away_told = true;
            due.push(Arc::clone(&occupant.person));
        }
        due
    }

    /// Ends the membership of a session.
    pub(super) fn leave(&mut self, session: &Sha256, now: Duration) -> Option<Departure<M>> {
        let at = self.members.iter().position(|member| member.session == *session)?;
        let Member { id, person, .. } = self.members.remove(at);
        let gone = self.seats.extract_if(.., |seat| seat.member == id);
        let mailboxes = gone.map(|seat| seat.mailbox).collect();
        let person_left = !self.members.iter().any(|m| m.person.id == person.id);
        if person_left {
            self.people.retain(|occupant| occupant.person.id != person.id);
        }
        self.note_absence(person.id, now);
        Some(Departure { person, mailboxes, person_left })
    }

    /// Passes the membership of `old` to `new`, a session of the same person. Sockets stay with the
    /// membership. Returns true if `old` was a member.
    pub(super) fn pass_on(&mut self, old: &Sha256, new: Sha256, user: UserId) -> bool {
        let Some(at) = self.members.iter().position(|m| m.session == *old && m.person.id == user) else {
            return false;
        };
        match self.member(&new).map(|member| member.id) {
            // The new session has joined by itself.
            Some(id) => {
                let Member { id: old, floor, .. } = self.members.remove(at);
                self.seats.iter_mut().filter(|s| s.member == old).for_each(|s| s.member = id);
                if let Some(member) = self.members.iter_mut().find(|m| m.id == id) {
                    member.floor = member.floor.min(floor);
                }
            }
            None => self.members[at].session = new,
        }
        true
    }

    /// Removes all members and sockets.
    pub(super) fn remove_all(&mut self) {
        (self.seats, self.members, self.people) = (Vec::new(), Vec::new(), Vec::new());
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
