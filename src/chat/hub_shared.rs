//! State that the hub shares with every membership.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, Event};
use crate::locks::lock;
use crate::types::crypto::MacKey;
use crate::types::{Person, RoomKind, UserName};

use super::delivery::FrameEncoder;
use super::resume::ResumeToken;
use super::room_slot::{LockedRoom, RoomSlot};
use super::seq::Seq;

/// Limits on rooms from `[limits]` and `[chat]`; can change at run time.
#[derive(Clone, Copy, Debug)]
pub struct ChatLimits {
    /// Rooms at once, reserved codes included.
    pub rooms: usize,
    /// Rooms created by one user, reserved codes included.
    pub rooms_per_user: usize,
    /// Sockets in one room.
    pub seats: usize,
    /// Messages kept for `resume`.
    pub ring: usize,
    /// Grace time for which a disconnected socket keeps its seat.
    pub grace: Duration,
    /// Time for which an empty room keeps its code and password.
    pub empty: Duration,
}

/// Contents of the `joined` answer.
pub struct JoinInfo {
    /// The kind of the room, whatever the client requested.
    pub kind: RoomKind,
    /// Members, sorted.
    pub members: Vec<UserName>,
    /// Last message number.
    pub seq: Seq,
    /// Token for `resume`.
    pub resume: String,
}

/// Limits, counters, token key and audit of all rooms.
pub(super) struct HubShared {
    limits: Mutex<ChatLimits>,
    messages: AtomicU64,
    deliveries: AtomicU64,
    key: Arc<MacKey>,
    audit: Audit,
}

impl HubShared {
    pub(super) fn new(limits: ChatLimits, key: Arc<MacKey>, audit: Audit) -> Self {
        Self {
            limits: Mutex::new(limits),
            messages: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            key,
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

    /// Audits an event of a room.
    pub(super) fn audit(&self, event: Event) {
        self.audit.try_record(event);
    }

    /// Key that authenticates resume tokens.
    pub(super) fn key(&self) -> &MacKey {
        &self.key
    }

    /// Returns the contents of the `joined` answer, with a new resume token.
    pub(super) fn join_info<W: FrameEncoder>(
        &self,
        slot: &RoomSlot<W>,
        state: &mut LockedRoom<W>,
        seat: u64,
        person: &Person,
    ) -> JoinInfo {
        let generation = state.room.new_generation(seat).unwrap_or(0);
        JoinInfo {
            kind: slot.kind,
            members: state.room.members(),
            seq: state.room.last_seq(),
            resume: ResumeToken { seat, generation }.encode(&self.key, slot.instance, person.id, &slot.code),
        }
    }
}
