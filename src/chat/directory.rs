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
    /// Second at which the session ended by time (monotonic, 0 for none); a sign-in with its cookie takes the
    /// memberships over. Four bytes, since there is one entry a session.
    asleep_since: u32,
}

/// Returns a monotonic time in whole seconds, at least 1. 2³² of them are 136 years.
fn second(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX).max(1)
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
        let new = || SessionRooms { user, rooms: Vec::new(), asleep_since: 0 };
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
    pub(super) fn put_to_sleep(&self, session: &Sha256, now: Duration, most: usize) -> Vec<Sha256> {
        let mut sessions = lock(&self.sessions);
        let Some(own) = sessions.get_mut(session) else { return Vec::new() };
        if own.asleep_since == 0 {
            own.asleep_since = second(now);
        }
        let asleep = sessions.iter().filter(|(_, own)| own.asleep_since > 0);
        let mut asleep: Vec<_> = asleep.map(|(digest, own)| (own.asleep_since, *digest)).collect();
        asleep.sort_unstable_by_key(|(since, _)| *since);
        let excess = asleep.len().saturating_sub(most);
        asleep.into_iter().take(excess).map(|(_, digest)| digest).collect()
    }

    /// Returns the sessions that have been asleep for `most`.
    pub(super) fn overslept(&self, now: Duration, most: Duration) -> Vec<Sha256> {
        let is_over = |since: u32| since > 0 && now.saturating_sub(Duration::from_secs(since.into())) >= most;
        let sessions = lock(&self.sessions);
        sessions.iter().filter(|(_, own)| is_over(own.asleep_since)).map(|(digest, _)| *digest).collect()
    }

    /// Passes the rooms of `old` to `new`, a session of the same person, and returns them.
    pub(super) fn pass_on(&self, old: &Sha256, new: Sha256, user: UserId) -> Vec<Slot<W>> {
        let mut sessions = lock(&self.sessions);
        if sessions.get(old).is_none_or(|own| own.user != user) || *old == new {
            return Vec::new();
        }
        let Some(passed) = sessions.remove(old) else { return Vec::new() };
        let own =
            sessions.entry(new).or_insert_with(|| SessionRooms { user, rooms: Vec::new(), asleep_since: 0 });
        for slot in &passed.rooms {
            if !own.rooms.iter().any(|room| Arc::ptr_eq(room, slot)) {
                own.rooms.push(Arc::clone(slot));
            }
        }
        passed.rooms
    }
}
