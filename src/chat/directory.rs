//! Rooms by code, and the rooms of each member session.
//!
//! Locks are taken in this order: the rooms, one room's state, the sessions. The state of a second room is
//! locked only after the first is released.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::locks::lock;
use crate::types::crypto::Sha256;
use crate::types::{RoomCode, UserId};

use super::delivery::FrameEncoder;
use super::room_slot::RoomSlot;

type Slot<W> = Arc<RoomSlot<W>>;

/// Rooms and memberships.
pub(super) struct RoomDirectory<W: FrameEncoder> {
    pub(super) rooms: Mutex<HashMap<RoomCode, Slot<W>>>,
    sessions: Mutex<HashMap<Sha256, SessionRooms<W>>>,
}

/// Rooms of one session, at most `rooms_per_socket`.
struct SessionRooms<W: FrameEncoder> {
    user: UserId,
    rooms: Vec<Slot<W>>,
    /// Set once the session has ended by time; a sign-in with its cookie takes the memberships over. Boxed,
    /// since there is one entry a session.
    asleep: Option<Box<Asleep>>,
}

/// Tells whether the account of an ended session is as it was; a lock, another role, another password and a
/// deletion change it. Takes no lock.
pub type AccountCheck = Box<dyn Fn() -> bool + Send + Sync>;

/// Session that ended by time.
struct Asleep {
    /// Time of its end (monotonic).
    since: Duration,
    is_account_unchanged: AccountCheck,
}

/// The session is a member of the maximum number of rooms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyMemberships;

impl<W: FrameEncoder> RoomDirectory<W> {
    pub(super) fn new() -> Self {
        Self { rooms: Mutex::default(), sessions: Mutex::default() }
    }

    /// Returns the room under `code`.
    pub(super) fn find(&self, code: &RoomCode) -> Option<Slot<W>> {
        lock(&self.rooms).get(code).cloned()
    }

    /// Returns all rooms.
    pub(super) fn all(&self) -> Vec<Slot<W>> {
        lock(&self.rooms).values().cloned().collect()
    }

    /// Removes `slot`, unless another room has its code by now.
    pub(super) fn remove(&self, slot: &Slot<W>) {
        let mut rooms = lock(&self.rooms);
        if rooms.get(&slot.is.code).is_some_and(|there| Arc::ptr_eq(there, slot)) {
            rooms.remove(&slot.is.code);
        }
    }

    /// Notes that `session` is to be a member of `slot`, at most `most` rooms in all.
    pub(super) fn note(
        &self,
        session: Sha256,
        user: UserId,
        slot: &Slot<W>,
        most: usize,
    ) -> Result<(), TooManyMemberships> {
        let mut sessions = lock(&self.sessions);
        let new = || SessionRooms { user, rooms: Vec::new(), asleep: None };
        let own = sessions.entry(session).or_insert_with(new);
        if own.rooms.iter().any(|room| Arc::ptr_eq(room, slot)) {
            return Ok(());
        }
        if own.rooms.len() >= most {
            return Err(TooManyMemberships);
        }
        // Ten thousand sessions with one membership each must not reserve memory for four.
        own.rooms.reserve_exact(1);
        own.rooms.push(Arc::clone(slot));
        Ok(())
    }

    /// Forgets the membership of `session` in `slot`.
    pub(super) fn forget(&self, session: &Sha256, slot: &Slot<W>) {
        let mut sessions = lock(&self.sessions);
        let Some(own) = sessions.get_mut(session) else { return };
        own.rooms.retain(|room| !Arc::ptr_eq(room, slot));
        if own.rooms.is_empty() {
            sessions.remove(session);
        }
    }

    /// Returns the rooms of a session.
    pub(super) fn rooms_of(&self, session: &Sha256) -> Vec<Slot<W>> {
        lock(&self.sessions).get(session).map_or_else(Vec::new, |own| own.rooms.clone())
    }

    /// Returns the number of rooms of a session.
    pub(super) fn count_of(&self, session: &Sha256) -> usize {
        lock(&self.sessions).get(session).map_or(0, |own| own.rooms.len())
    }

    /// Returns the room of a session under `code`.
    pub(super) fn room_of(&self, session: &Sha256, code: &RoomCode) -> Option<Slot<W>> {
        lock(&self.sessions).get(session)?.rooms.iter().find(|room| room.is.code == *code).cloned()
    }

    /// Notes that a session ended by time. Returns the sessions that sleep longest beyond `most`, whose
    /// memberships end.
    pub(super) fn put_to_sleep(
        &self,
        session: &Sha256,
        is_account_unchanged: AccountCheck,
        now: Duration,
        most: usize,
    ) -> Vec<Sha256> {
        let mut sessions = lock(&self.sessions);
        let Some(own) = sessions.get_mut(session) else { return Vec::new() };
        own.asleep.get_or_insert_with(|| Box::new(Asleep { since: now, is_account_unchanged }));
        let asleep = sessions.iter().filter_map(|(digest, own)| Some((own.asleep.as_ref()?.since, *digest)));
        let mut asleep: Vec<_> = asleep.collect();
        asleep.sort_unstable_by_key(|(since, _)| *since);
        let excess = asleep.len().saturating_sub(most);
        asleep.into_iter().take(excess).map(|(_, digest)| digest).collect()
    }

    /// Returns the sessions that have been asleep for `most`, or whose account has changed.
    pub(super) fn overslept(&self, now: Duration, most: Duration) -> Vec<Sha256> {
        let is_over = |own: &Asleep| now.saturating_sub(own.since) >= most || !(own.is_account_unchanged)();
        let sessions = lock(&self.sessions);
        let over = sessions.iter().filter(|(_, own)| own.asleep.as_deref().is_some_and(is_over));
        over.map(|(digest, _)| *digest).collect()
    }

    /// Passes the rooms of `old` to `new`, a session of the same person, and returns them.
    pub(super) fn pass_on(&self, old: &Sha256, new: Sha256, user: UserId) -> Vec<Slot<W>> {
        let mut sessions = lock(&self.sessions);
        let may_pass = |own: &SessionRooms<W>| {
            own.user == user && own.asleep.as_ref().is_none_or(|asleep| (asleep.is_account_unchanged)())
        };
        if *old == new || !sessions.get(old).is_some_and(may_pass) {
            return Vec::new();
        }
        let Some(passed) = sessions.remove(old) else { return Vec::new() };
        let own =
            sessions.entry(new).or_insert_with(|| SessionRooms { user, rooms: Vec::new(), asleep: None });
        for slot in &passed.rooms {
            if !own.rooms.iter().any(|room| Arc::ptr_eq(room, slot)) {
                own.rooms.push(Arc::clone(slot));
            }
        }
        passed.rooms
    }
}
