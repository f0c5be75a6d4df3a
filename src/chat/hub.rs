//! Directory of rooms: finds, creates and ends them, and keeps the memberships of sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Audit;
use crate::clock::Now;
use crate::locks::lock;
use crate::types::crypto::Sha256;
use crate::types::{Person, RoomCode, RoomKind, RoomLabel, UserId};

use super::delivery::{FrameEncoder, LeaveReason, Mailbox as _, Presence, Priority};
use super::directory::AccountCheck;
use super::hub_shared::{ChatLimits, HubShared, JoinInfo};
use super::room::{Attachment, Missed, RoomFull};
use super::room_slot::{LockedRoom, RoomHandle, RoomProperties, RoomSlot};
use super::seat::Seat;
use super::seq::Seq;

/// Session that joins, and the receiver of its frames.
pub struct Joiner<'a, W: FrameEncoder> {
    /// Digest of the session's token.
    pub session: Sha256,
    /// The person.
    pub person: &'a Arc<Person>,
    /// The receiver.
    pub mailbox: &'a W::Mailbox,
}

/// Socket of a member that has entered.
pub struct Entered<W: FrameEncoder> {
    /// The seat.
    pub seat: Seat<W>,
    /// Contents of the `joined` answer.
    pub info: JoinInfo,
    /// Messages and changes that the socket lacks.
    pub missed: Missed,
}

/// Socket that has joined.
pub struct Joined<W: FrameEncoder> {
    /// The seat.
    pub seat: Seat<W>,
    /// The session was no member before.
    pub is_new: bool,
}

/// Reason why a join is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnterError {
    /// The room has its maximum number of members.
    #[error("the room is full")]
    Full,
    /// The limit on rooms is reached.
    #[error("the limit on rooms is reached")]
    TooManyRooms,
    /// The user's share of rooms is used up.
    #[error("the user's share of rooms is used up")]
    TooManyOwnRooms,
    /// The session is a member of the maximum number of rooms.
    #[error("the session is a member of the maximum number of rooms")]
    TooManyMemberships,
    /// The invitation is unknown, has ended or is used up.
    #[error("the invitation is over")]
    InvitationOver,
    /// The room ended, or the code was taken, since the look-up; retry.
    #[error("the room changed since it was looked up")]
    Changed,
}

/// The session is no member of a room under that code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no membership in such a room")]
pub struct NotMember;

/// A row of the lobby.
#[derive(Debug, PartialEq, Eq)]
pub struct LobbyEntry {
    /// The code.
    pub code: RoomCode,
    /// Name beside the code.
    pub label: Option<RoomLabel>,
    /// Group rooms are listed for all, private ones for administrators only.
    pub kind: RoomKind,
    /// Number of people.
    pub members: usize,
}

/// Room of which a session is a member.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnRoom {
    /// The code.
    pub code: RoomCode,
    /// The kind.
    pub kind: RoomKind,
    /// Name beside the code.
    pub label: Option<RoomLabel>,
    /// Last message number.
    pub seq: Seq,
    /// Last message that the person has read.
    pub read: Seq,
    /// Number of people.
    pub people: usize,
}

/// Statistics of the hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubStats {
    /// Rooms with a socket in them.
    pub occupied: usize,
    /// Rooms whose members are all away.
    pub quiet: usize,
    /// Member sessions of all rooms.
    pub members: usize,
    /// Sockets in rooms.
    pub seats: usize,
    /// Memory of kept messages in bytes.
    pub memory: usize,
    /// Messages since the start.
    pub messages: u64,
    /// Deliveries of messages to sockets since the start.
    pub deliveries: u64,
}

/// All rooms.
pub struct Hub<W: FrameEncoder> {
    pub(super) shared: Arc<HubShared<W>>,
}

impl<W: FrameEncoder> Hub<W> {
    /// Creates a hub without rooms.
    pub fn new(limits: ChatLimits, audit: Audit) -> Arc<Self> {
        Arc::new(Self { shared: Arc::new(HubShared::new(limits, audit)) })
    }

    /// Sets limits, which hold from the next action on.
    pub fn reconfigure(&self, limits: ChatLimits) {
        self.shared.set_limits(limits);
        self.shared.trim_memory();
    }

    /// Returns the room under `code`.
    pub fn find(&self, code: &RoomCode) -> Option<RoomHandle<W>> {
        self.shared.directory.find(code).map(RoomHandle)
    }

    /// Fails if `maker` cannot create another room; called before a password is hashed in vain.
    pub fn may_make(&self, maker: UserId, now: Now) -> Result<(), EnterError> {
        let limits = self.shared.limits();
        let rooms = lock(&self.shared.directory.rooms);
        within_share(&rooms, maker, limits.rooms_per_user)?;
        let is_free = rooms.len() < limits.rooms || longest_quiet(&rooms, limits.wipe, now).is_some();
        if is_free { Ok(()) } else { Err(EnterError::TooManyRooms) }
    }

    /// Creates a room that its creator joins at once. [`EnterError::Changed`] if the code was taken since.
    pub fn create(
        &self,
        room: RoomProperties,
        visitor: &Joiner<'_, W>,
        now: Now,
        answer: impl FnOnce(&RoomCode, &JoinInfo) -> W::Frame,
    ) -> Result<Joined<W>, EnterError> {
        let limits = self.shared.limits();
        if self.shared.directory.count_of(&visitor.session) >= limits.rooms_per_session {
            return Err(EnterError::TooManyMemberships);
        }
        self.make_space(now)?;
        let slot = Arc::new(RoomSlot::new(room, visitor.person.id, now.mono));
        let mut rooms = lock(&self.shared.directory.rooms);
        if rooms.contains_key(&slot.is.code) || rooms.len() >= limits.rooms {
            return Err(EnterError::Changed);
        }
        within_share(&rooms, visitor.person.id, limits.rooms_per_user)?;
        // Locked before others can find the room: its creator is its first member.
        let state = lock(&slot.state);
        rooms.insert(slot.is.code.clone(), Arc::clone(&slot));
        drop(rooms);
        self.join_locked(&slot, state, visitor, None, now, answer)
    }

    /// Ends the room that has been quiet longest if the server has its maximum number.
    fn make_space(&self, now: Now) -> Result<(), EnterError> {
        let limits = self.shared.limits();
        let longest = {
            let rooms = lock(&self.shared.directory.rooms);
            if rooms.len() < limits.rooms {
                return Ok(());
            }
            longest_quiet(&rooms, limits.wipe, now).ok_or(EnterError::TooManyRooms)?
        };
        let is_quiet = |state: &LockedRoom<W>| state.room.quiet_since.is_some();
        if self.shared.end(&longest, None, is_quiet) { Ok(()) } else { Err(EnterError::Changed) }
    }

    /// Makes a session whose password was checked a member, and attaches its socket. `answer` encodes the
    /// answer, which is delivered under the room's lock, before any other frame of the room.
    pub fn join(
        &self,
        room: &RoomHandle<W>,
        visitor: &Joiner<'_, W>,
        now: Now,
        answer: impl FnOnce(&RoomCode, &JoinInfo) -> W::Frame,
    ) -> Result<Joined<W>, EnterError> {
        self.join_locked(&room.0, lock(&room.0.state), visitor, None, now, answer)
    }

    /// Joins under the room's lock. A new membership uses up one of `invitation`.
    pub(super) fn join_locked(
        &self,
        slot: &Arc<RoomSlot<W>>,
        mut state: std::sync::MutexGuard<'_, LockedRoom<W>>,
        visitor: &Joiner<'_, W>,
        invitation: Option<&Sha256>,
        now: Now,
        answer: impl FnOnce(&RoomCode, &JoinInfo) -> W::Frame,
    ) -> Result<Joined<W>, EnterError> {
        let Joiner { session, person, mailbox } = *visitor;
        if state.ended {
            return Err(EnterError::Changed);
        }
        let limits = self.shared.limits();
        let is_new = !state.room.has_member(&session);
        self.shared
            .directory
            .note(session, person.id, slot, limits.rooms_per_session)
            .map_err(|_| EnterError::TooManyMemberships)?;
        let is_first = match state.room.admit(session, person, limits.members) {
            Ok(is_first) => is_first,
            Err(RoomFull) => {
                self.shared.directory.forget(&session, slot);
                return Err(EnterError::Full);
            }
        };
        if is_new {
            state.invitations.use_one(invitation);
        }
        let attached = state.room.attach(&session, mailbox, None, limits.members);
        let mut attached = attached.ok_or(EnterError::Changed)?;
        if is_first {
            attached.presence = Some(Presence::Joined);
        }
        let info = HubShared::join_info(slot, &state, person.id);
        mailbox.deliver(answer(&slot.is.code, &info), Priority::Message);
        announce(slot, &state, person, &attached, now);
        drop(state);
        Ok(Joined { seat: self.seat(slot, attached.seat, person), is_new })
    }

    /// Attaches another socket of a member. The caller sends the answer, then the missed messages.
    ///
    /// # Errors
    /// Fails if the session is no member of a room under `code`.
    pub fn enter(
        &self,
        code: &RoomCode,
        visitor: &Joiner<'_, W>,
        since: Seq,
        now: Now,
    ) -> Result<Entered<W>, NotMember> {
        let Joiner { session, person, mailbox } = *visitor;
        let slot = self.shared.directory.room_of(&session, code).ok_or(NotMember)?;
        let mut state = lock(&slot.state);
        let members = self.shared.limits().members;
        let attached = state.room.attach(&session, mailbox, Some(since), members).ok_or(NotMember)?;
        let info = HubShared::join_info(&slot, &state, person.id);
        announce(&slot, &state, person, &attached, now);
        drop(state);
        Ok(Entered { seat: self.seat(&slot, attached.seat, person), info, missed: attached.missed })
    }

    fn seat(&self, slot: &Arc<RoomSlot<W>>, id: u64, person: &Arc<Person>) -> Seat<W> {
        Seat {
            slot: Arc::clone(slot),
            id,
            person: Arc::clone(person),
            hub: Arc::clone(&self.shared),
            is_detached: false,
        }
    }

    /// Returns the rooms of which a session is a member, sorted by code.
    pub fn rooms_of(&self, session: &Sha256, user: UserId) -> Vec<OwnRoom> {
        let own = |slot: Arc<RoomSlot<W>>| {
            let state = lock(&slot.state);
            OwnRoom {
                code: slot.is.code.clone(),
                kind: slot.is.kind,
                label: slot.is.label.clone(),
                seq: state.room.last_seq(),
                read: state.room.read_of(user),
                people: state.room.head_count(),
            }
        };
        let mut rooms: Vec<_> = self.shared.directory.rooms_of(session).into_iter().map(own).collect();
        rooms.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        rooms
    }

    /// Ends all memberships of a session.
    pub fn end_session(&self, session: &Sha256, now: Now) {
        for slot in self.shared.directory.rooms_of(session) {
            self.shared.leave(&slot, session, LeaveReason::SessionEnded, None, now);
        }
    }

    /// Keeps the memberships of a session that ended by time. A sign-in of the same person takes them over by
    /// [`Hub::move_memberships`] within the life of an empty room, while its account is unchanged.
    pub fn put_session_to_sleep(&self, session: &Sha256, is_account_unchanged: AccountCheck, now: Now) {
        let most = self.shared.limits().asleep;
        let excess = self.shared.directory.put_to_sleep(session, is_account_unchanged, now.mono, most);
        for excess in excess {
            self.end_session(&excess, now);
        }
    }

    /// Passes the memberships of session `old` to `new`, a session of the same person.
    pub fn move_memberships(&self, old: &Sha256, new: &Sha256, user: UserId) {
        for slot in self.shared.directory.pass_on(old, *new, user) {
            lock(&slot.state).room.pass_on(old, *new, user);
        }
    }

    /// Returns statistics. Rooms are locked one at a time, so that none waits for all.
    pub fn stats(&self) -> HubStats {
        let mut figures = HubStats {
            memory: self.shared.memory(),
            messages: self.shared.messages(),
            deliveries: self.shared.deliveries(),
            ..HubStats::default()
        };
        for slot in self.shared.directory.all() {
            let state = lock(&slot.state);
            let (members, seats) = (state.room.member_count(), state.room.seat_count());
            drop(state);
            figures.members += members;
            figures.seats += seats;
            if seats > 0 { figures.occupied += 1 } else { figures.quiet += 1 }
        }
        figures
    }

    /// Returns the rooms by code: all, or group rooms only.
    pub fn lobby(&self, all: bool) -> Vec<LobbyEntry> {
        let slots = self.shared.directory.all();
        let mut rows: Vec<_> = slots
            .iter()
            .filter(|slot| all || slot.is.kind == RoomKind::Group)
            .map(|slot| LobbyEntry {
                code: slot.is.code.clone(),
                label: slot.is.label.clone(),
                kind: slot.is.kind,
                members: lock(&slot.state).room.head_count(),
            })
            .filter(|row| row.members > 0)
            .collect();
        rows.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        rows
    }
}

/// Tells the others about an arrival, and a socket that gave way.
fn announce<W: FrameEncoder>(
    slot: &RoomSlot<W>,
    state: &LockedRoom<W>,
    person: &Person,
    attached: &Attachment<W::Mailbox>,
    now: Now,
) {
    if let Some(presence) = attached.presence {
        let frame = W::presence(&slot.is.code, &person.name, presence, now.wall);
        state.room.deliver(&frame, Priority::Presence, Some(attached.seat));
    }
    if let Some(old) = &attached.superseded {
        old.deliver(W::left(&slot.is.code, LeaveReason::Superseded), Priority::Message);
    }
}

type Rooms<W> = HashMap<RoomCode, Arc<RoomSlot<W>>>;

/// Returns the room that has been quiet longest, at least for `wipe`, so that it has no messages.
fn longest_quiet<W: FrameEncoder>(rooms: &Rooms<W>, wipe: Duration, now: Now) -> Option<Arc<RoomSlot<W>>> {
    let quiet = rooms.values().filter_map(|slot| Some((lock(&slot.state).room.quiet_since?, slot)));
    let (_, slot) =
        quiet.filter(|(since, _)| now.mono.saturating_sub(*since) >= wipe).min_by_key(|(since, _)| *since)?;
    Some(Arc::clone(slot))
}

/// Fails if `maker` has the maximum number of `rooms`. Counting takes one pass over at most 1024 rooms, only
/// when a room is created: at most `joins_per_minute` a user.
fn within_share<W: FrameEncoder>(rooms: &Rooms<W>, maker: UserId, most: usize) -> Result<(), EnterError> {
    let own = rooms.values().filter(|slot| slot.maker == maker).count();
    if own < most { Ok(()) } else { Err(EnterError::TooManyOwnRooms) }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
