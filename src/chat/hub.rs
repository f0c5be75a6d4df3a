//! Directory of rooms: finds, creates and ends them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, Event};
use crate::clock::Now;
use crate::locks::lock;
use crate::types::crypto::MacKey;
use crate::types::{Person, RoomCode, RoomKind, UserId};

use super::delivery::{FrameEncoder, Mailbox as _, Presence, Priority};
use super::hub_shared::{ChatLimits, HubShared, JoinInfo};
use super::membership::Membership;
use super::resume::ResumeToken;
use super::room::{Backfill, Room, RoomFull, Seated};
use super::room_slot::{LockedRoom, RoomHandle, RoomSlot, Summary};
use super::seq::Seq;

/// Interval of the audit summaries of a busy room.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Person who joins, and the receiver of the frames.
pub struct Joiner<'a, W: FrameEncoder> {
    /// The person.
    pub person: &'a Arc<Person>,
    /// The receiver.
    pub mailbox: &'a W::Mailbox,
}

/// Resumed seat and the messages missed.
pub struct Resumed<W: FrameEncoder> {
    /// The seat.
    pub membership: Membership<W>,
    /// Contents of the `joined` answer.
    pub entered: JoinInfo,
    /// Messages to replay.
    pub missed: Backfill<W::Frame>,
}

/// Reason why a join is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnterError {
    /// The room has no free seat.
    #[error("the room is full")]
    Full,
    /// The limit on rooms is reached.
    #[error("the limit on rooms is reached")]
    TooManyRooms,
    /// The user's share of rooms is used up.
    #[error("the user's share of rooms is used up")]
    TooManyOwnRooms,
    /// The room ended, or the code was taken, since the look-up; retry.
    #[error("the room changed since it was looked up")]
    Changed,
}

/// The token names no seat, for whatever reason.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no such seat in that room")]
pub struct ResumeError;

/// A row of the lobby.
#[derive(Debug, PartialEq, Eq)]
pub struct LobbyEntry {
    /// The code.
    pub code: RoomCode,
    /// Group rooms are listed for all, private ones for administrators only.
    pub kind: RoomKind,
    /// Number of members.
    pub members: usize,
}

/// Statistics of the hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Rooms with members.
    pub occupied: usize,
    /// Empty rooms, whose code and password are reserved.
    pub reserved: usize,
    /// Seats taken, disconnected ones included.
    pub seats: usize,
    /// Messages since the start.
    pub messages: u64,
    /// Deliveries of messages to sockets since the start.
    pub deliveries: u64,
}

/// All rooms.
pub struct Hub<W: FrameEncoder> {
    rooms: Mutex<HashMap<RoomCode, Arc<RoomSlot<W>>>>,
    next_instance: AtomicU64,
    shared: Arc<HubShared>,
}

impl<W: FrameEncoder> Hub<W> {
    /// Creates a hub without rooms; `key` authenticates resume tokens.
    pub fn new(limits: ChatLimits, key: Arc<MacKey>, audit: Audit) -> Arc<Self> {
        let shared = Arc::new(HubShared::new(limits, key, audit));
        Arc::new(Self { rooms: Mutex::default(), next_instance: AtomicU64::new(1), shared })
    }

    /// Sets limits, which hold from the next action on.
    pub fn reconfigure(&self, limits: ChatLimits) {
        self.shared.set_limits(limits);
    }

    /// Returns the room under `code`.
    pub fn find(&self, code: &RoomCode) -> Option<RoomHandle<W>> {
        lock(&self.rooms).get(code).cloned().map(RoomHandle)
    }

    /// Fails if `maker` cannot create another room; called before a password is hashed in vain.
    pub fn may_make(&self, maker: UserId) -> Result<(), EnterError> {
        let limits = self.shared.limits();
        let rooms = lock(&self.rooms);
        within_share(&rooms, maker, limits.rooms_per_user)?;
        let free =
            rooms.len() < limits.rooms || rooms.values().any(|e| lock(&e.state).room.empty_since.is_some());
        if free { Ok(()) } else { Err(EnterError::TooManyRooms) }
    }

    /// Ends the room that has been empty longest, so that a user who creates and leaves rooms cannot block
    /// all others. `false` if no room is empty.
    fn end_longest_empty(&self, rooms: &mut HashMap<RoomCode, Arc<RoomSlot<W>>>) -> bool {
        let longest = rooms
            .values()
            .filter_map(|e| lock(&e.state).room.empty_since.map(|since| (since, e.code.clone())))
            .min_by_key(|(since, _)| *since);
        let Some(entry) = longest.and_then(|(_, code)| rooms.remove(&code)) else { return false };
        let mut state = lock(&entry.state);
        if state.room.empty_since.is_none() {
            // A join came between the two checks: the room keeps its code.
            drop(state);
            rooms.insert(entry.code.clone(), entry);
            return false;
        }
        state.ended = true;
        self.shared.audit(Event::RoomEnded {
            room: entry.code.clone(),
            messages: state.messages,
            bytes: state.bytes,
        });
        true
    }

    /// Creates a room that its creator joins at once. [`EnterError::Changed`] if the code was taken since.
    pub fn create(
        &self,
        code: &RoomCode,
        kind: RoomKind,
        password: String,
        visitor: &Joiner<'_, W>,
        now: Now,
        welcome: impl FnOnce(&JoinInfo) -> W::Frame,
    ) -> Result<Membership<W>, EnterError> {
        let limits = self.shared.limits();
        let entry = {
            let mut rooms = lock(&self.rooms);
            if rooms.contains_key(code) {
                return Err(EnterError::Changed);
            }
            within_share(&rooms, visitor.person.id, limits.rooms_per_user)?;
            if rooms.len() >= limits.rooms && !self.end_longest_empty(&mut rooms) {
                return Err(EnterError::TooManyRooms);
            }
            let entry = Arc::new(RoomSlot {
                code: code.clone(),
                kind,
                maker: visitor.person.id,
                password: password.into(),
                instance: self.next_instance.fetch_add(1, Ordering::Relaxed),
                state: Mutex::new(LockedRoom {
                    room: Room::new(now.mono),
                    ended: false,
                    messages: 0,
                    bytes: 0,
                    summary: Summary { messages: 0, bytes: 0, at: now.mono },
                }),
            });
            rooms.insert(code.clone(), Arc::clone(&entry));
            entry
        };
        self.enter(&RoomHandle(entry), visitor, now, welcome)
    }

    /// Takes a seat in a room whose password was checked. `welcome` encodes the answer, which is delivered
    /// under the room's lock, before any other frame of the room.
    pub fn enter(
        &self,
        room: &RoomHandle<W>,
        visitor: &Joiner<'_, W>,
        now: Now,
        welcome: impl FnOnce(&JoinInfo) -> W::Frame,
    ) -> Result<Membership<W>, EnterError> {
        let Joiner { person, mailbox } = *visitor;
        let entry = &room.0;
        let mut state = lock(&entry.state);
        if state.ended {
            return Err(EnterError::Changed);
        }
        let seats = self.shared.limits().seats;
        let Seated { seat, is_first } =
            state.room.enter(person, mailbox.clone(), seats).map_err(|RoomFull| EnterError::Full)?;
        mailbox.deliver(welcome(&self.shared.join_info(entry, &mut state, seat, person)), Priority::Message);
        if is_first {
            state.room.deliver(
                &W::presence(&entry.code, &person.name, Presence::Joined, now.wall),
                Priority::Presence,
                Some(seat),
            );
        }
        drop(state);
        Ok(self.membership(entry, seat, person, mailbox))
    }

    /// Takes a seat again with the token from `joined`.
    pub fn resume(
        &self,
        code: &RoomCode,
        token: &str,
        person: &Arc<Person>,
        mailbox: &W::Mailbox,
        since: Seq,
    ) -> Result<Resumed<W>, ResumeError> {
        let RoomHandle(entry) = self.find(code).ok_or(ResumeError)?;
        let token = ResumeToken::parse(token, self.shared.key(), entry.instance, person.id, code)
            .ok_or(ResumeError)?;
        let mut state = lock(&entry.state);
        let missed = state
            .room
            .resume(token.seat, token.generation, person.id, mailbox.clone(), since)
            .filter(|_| !state.ended)
            .ok_or(ResumeError)?;
        let entered = self.shared.join_info(&entry, &mut state, token.seat, person);
        drop(state);
        Ok(Resumed { membership: self.membership(&entry, token.seat, person, mailbox), entered, missed })
    }

    fn membership(
        &self,
        entry: &Arc<RoomSlot<W>>,
        seat: u64,
        person: &Arc<Person>,
        mailbox: &W::Mailbox,
    ) -> Membership<W> {
        Membership {
            entry: Arc::clone(entry),
            seat,
            person: Arc::clone(person),
            mailbox: mailbox.clone(),
            hub: Arc::clone(&self.shared),
            left: false,
        }
    }

    /// Returns statistics. Rooms are locked one at a time, so that none waits for all.
    pub fn stats(&self) -> HubStats {
        let entries: Vec<_> = lock(&self.rooms).values().cloned().collect();
        let mut figures = HubStats {
            messages: self.shared.messages(),
            deliveries: self.shared.deliveries(),
            ..HubStats::default()
        };
        for entry in entries {
            let seats = lock(&entry.state).room.seats();
            figures.seats += seats;
            if seats > 0 { figures.occupied += 1 } else { figures.reserved += 1 }
        }
        figures
    }

    /// Returns the rooms with members by code: all, or group rooms only.
    pub fn lobby(&self, all: bool) -> Vec<LobbyEntry> {
        let entries: Vec<_> = lock(&self.rooms).values().cloned().collect();
        let mut rows: Vec<_> = entries
            .iter()
            .filter(|e| all || e.kind == RoomKind::Group)
            .map(|e| LobbyEntry {
                code: e.code.clone(),
                kind: e.kind,
                members: lock(&e.state).room.head_count(),
            })
            .filter(|row| row.members > 0)
            .collect();
        rows.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        rows
    }

    /// Ends grace times, ends empty rooms and audits summaries. Called once a second.
    pub fn sweep(&self, now: Now) {
        let limits = self.shared.limits();
        let entries: Vec<_> = lock(&self.rooms).values().cloned().collect();
        for entry in entries {
            let mut state = lock(&entry.state);
            for person in state.room.expire(now.mono, limits.grace) {
                state.room.deliver(
                    &W::presence(&entry.code, &person.name, Presence::Left, now.wall),
                    Priority::Presence,
                    None,
                );
                self.shared.audit(Event::RoomLeft { user: person.name.clone(), room: entry.code.clone() });
            }
            let (messages, bytes) = (state.messages, state.bytes);
            if state.room.empty_since.is_some_and(|since| now.mono.saturating_sub(since) >= limits.empty) {
                state.ended = true;
                drop(state);
                let mut rooms = lock(&self.rooms);
                // The code may have been reused; that room stays.
                if rooms.get(&entry.code).is_some_and(|there| Arc::ptr_eq(there, &entry)) {
                    rooms.remove(&entry.code);
                }
                drop(rooms);
                self.shared.audit(Event::RoomEnded { room: entry.code.clone(), messages, bytes });
            } else if messages > state.summary.messages
                && now.mono.saturating_sub(state.summary.at) >= SUMMARY_INTERVAL
            {
                let last = std::mem::replace(&mut state.summary, Summary { messages, bytes, at: now.mono });
                let (messages, bytes) = (messages - last.messages, bytes - last.bytes);
                self.shared.audit(Event::RoomTally { room: entry.code.clone(), messages, bytes });
            }
        }
    }
}

/// Fails if `maker` has the maximum number of `rooms`. Counting takes one pass over at most 1024 rooms, only
/// when a room is created: at most `joins_per_minute` a user.
fn within_share<W: FrameEncoder>(
    rooms: &HashMap<RoomCode, Arc<RoomSlot<W>>>,
    maker: UserId,
    most: usize,
) -> Result<(), EnterError> {
    let own = rooms.values().filter(|entry| entry.maker == maker).count();
    if own < most { Ok(()) } else { Err(EnterError::TooManyOwnRooms) }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
