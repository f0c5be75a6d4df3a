//! State that the hub shares with every seat.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, Event};
use crate::clock::Now;
use crate::locks::lock;
use crate::types::crypto::Sha256;
use crate::types::{RoomKind, RoomLabel, UserId};

use super::delivery::{FrameEncoder, LeaveReason, Mailbox as _, Presence, Priority};
use super::directory::RoomDirectory;
use super::room::{Departure, MemberState};
use super::room_slot::{LockedRoom, RoomSlot};
use super::seq::Seq;

/// Share of the memory of all messages that is freed at once when the limit is reached: a sixteenth, so that
/// the search for the largest room, over at most 1024 of them, is seldom.
const SLACK: usize = 16;

/// Limits on rooms from `[limits]` and `[chat]`; can change at run time.
#[derive(Clone, Copy, Debug)]
pub struct ChatLimits {
    /// Rooms at once.
    pub rooms: usize,
    /// Rooms created by one user.
    pub rooms_per_user: usize,
    /// Rooms of which one session is a member.
    pub rooms_per_session: usize,
    /// Member sessions of one room.
    pub members: usize,
    /// Messages kept in a room.
    pub ring: usize,
    /// Memory of all messages in bytes.
    pub memory: usize,
    /// Messages are wiped after this long without a socket in the room.
    pub wipe: Duration,
    /// A room ends after this long without a socket in it.
    pub empty: Duration,
    /// Ended sessions whose memberships wait for a new sign-in.
    pub asleep: usize,
}

/// Contents of the `joined` answer.
pub struct JoinInfo {
    /// The kind of the room, whatever the client requested.
    pub kind: RoomKind,
    /// Name beside the code.
    pub label: Option<RoomLabel>,
    /// People, sorted.
    pub members: Vec<MemberState>,
    /// Last message number.
    pub seq: Seq,
    /// Last message that the person has read.
    pub read: Seq,
    /// The person created the room.
    pub is_maker: bool,
}

/// Limits, counters, rooms and audit.
pub(super) struct HubShared<W: FrameEncoder> {
    limits: Mutex<ChatLimits>,
    messages: AtomicU64,
    deliveries: AtomicU64,
    /// Memory of all messages in bytes.
    memory: AtomicUsize,
    pub(super) directory: RoomDirectory<W>,
    audit: Audit,
}

impl<W: FrameEncoder> HubShared<W> {
    pub(super) fn new(limits: ChatLimits, audit: Audit) -> Self {
        Self {
            limits: Mutex::new(limits),
            messages: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            memory: AtomicUsize::new(0),
            directory: RoomDirectory::new(),
            audit,
        }
    }

    pub(super) fn limits(&self) -> ChatLimits {
        *lock(&self.limits)
    }

    pub(super) fn set_limits(&self, limits: ChatLimits) {
        *lock(&self.limits) = limits;
    }

    /// Counts a message and its receivers in one step.
    pub(super) fn count_delivery(&self, receivers: u64) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.deliveries.fetch_add(receivers, Ordering::Relaxed);
    }

    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    pub(super) fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Audits an event of a room.
    pub(super) fn audit(&self, event: Event) {
        self.audit.try_record(event);
    }

    /// Returns the contents of the `joined` answer.
    pub(super) fn join_info(slot: &RoomSlot<W>, state: &LockedRoom<W>, user: UserId) -> JoinInfo {
        JoinInfo {
            kind: slot.is.kind,
            label: slot.is.label.clone(),
            members: state.room.members(),
            seq: state.room.last_seq(),
            read: state.room.read_of(user),
            is_maker: slot.maker == user,
        }
    }

    /// Brings the count of the memory up to date. Called under the room's lock after each change of its
    /// messages.
    pub(super) fn settle_memory(&self, slot: &RoomSlot<W>, state: &LockedRoom<W>) {
        let new = state.room.ring_memory();
        let old = slot.memory.swap(new, Ordering::Relaxed);
        if new >= old {
            self.memory.fetch_add(new - old, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(old - new, Ordering::Relaxed);
        }
    }

    /// Drops the oldest messages of the rooms with most memory until all fit. Called without a room's lock.
    pub(super) fn trim_memory(&self) {
        let most = self.limits().memory;
        while self.memory() > most {
            let excess = self.memory().saturating_sub(most - most / SLACK);
            let rooms = self.directory.all();
            let by_memory = |slot: &&Arc<RoomSlot<W>>| slot.memory.load(Ordering::Relaxed);
            let Some(largest) = rooms.iter().max_by_key(by_memory) else { return };
            let mut state = lock(&largest.state);
            let before = state.room.ring_memory();
            // At most half of it, so that several large rooms share the loss.
            state.room.shrink_ring(before - excess.min(before.div_ceil(2)));
            self.settle_memory(largest, &state);
            if state.room.ring_memory() == before {
                return;
            }
        }
    }

    /// Wipes the messages of a room without sockets once they are not to be kept.
    pub(super) fn wipe_if_due(&self, slot: &RoomSlot<W>, state: &mut LockedRoom<W>, now: Duration) {
        let wipe = self.limits().wipe;
        if state.room.ring_memory() > 0
            && state.room.quiet_since.is_some_and(|since| now.saturating_sub(since) >= wipe)
        {
            state.room.wipe();
            self.settle_memory(slot, state);
        }
    }

    /// Ends the membership of `session` in a room. Its sockets get `reason`, but not `except`. The room ends
    /// with its last member. Returns true if the session was a member.
    pub(super) fn leave(
        &self,
        slot: &Arc<RoomSlot<W>>,
        session: &Sha256,
        reason: LeaveReason,
        except: Option<&W::Mailbox>,
        now: Now,
    ) -> bool {
        self.directory.forget(session, slot);
        let mut state = lock(&slot.state);
        let Some(Departure { person, mailboxes, person_left }) = state.room.leave(session, now.mono) else {
            return false;
        };
        let frame = W::left(&slot.is.code, reason);
        for mailbox in mailboxes.iter().filter(|mailbox| except.is_none_or(|own| !own.ptr_eq(mailbox))) {
            mailbox.deliver(frame.clone(), Priority::Message);
        }
        if person_left {
            let presence = W::presence(&slot.is.code, &person.name, Presence::Left, now.wall);
            state.room.deliver(&presence, Priority::Presence, None);
        }
        let is_over = state.room.member_count() == 0;
        if !is_over {
            self.wipe_if_due(slot, &mut state, now.mono);
        }
        drop(state);
        if person_left {
            self.audit(Event::RoomLeft { user: person.name.clone(), room: slot.is.code.clone() });
        }
        if is_over {
            self.end(slot, None, |state| state.room.member_count() == 0);
        }
        true
    }

    /// Ends a room for which `is_due` holds under its lock. Its sockets are told, but not `except`. Returns
    /// false if it is not due.
    pub(super) fn end(
        &self,
        slot: &Arc<RoomSlot<W>>,
        except: Option<u64>,
        is_due: impl FnOnce(&LockedRoom<W>) -> bool,
    ) -> bool {
        let mut state = lock(&slot.state);
        if state.ended || !is_due(&state) {
            return false;
        }
        state.ended = true;
        state.room.wipe();
        self.settle_memory(slot, &state);
        state.room.deliver(&W::left(&slot.is.code, LeaveReason::Ended), Priority::Message, except);
        let sessions: Vec<_> = state.room.sessions().collect();
        state.room.remove_all();
        state.invitations.clear();
        let (messages, bytes) = (state.messages, state.bytes);
        drop(state);
        self.directory.remove(slot);
        sessions.iter().for_each(|session| self.directory.forget(session, slot));
        self.audit(Event::RoomEnded { room: slot.is.code.clone(), messages, bytes });
        true
    }
}
