//! Room in the hub's directory: its identity, and its state machine under a lock.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::types::{RoomCode, RoomKind, RoomLabel, UserId};

use super::delivery::FrameEncoder;
use super::invitations::Invitations;
use super::room::Room;

/// Immutable properties of a room.
pub struct RoomProperties {
    /// The code as the maker wrote it.
    pub code: RoomCode,
    /// The kind.
    pub kind: RoomKind,
    /// Name beside the code.
    pub label: Option<RoomLabel>,
    /// Argon2 PHC string of the password.
    pub password: Arc<str>,
}

/// A room and its properties.
pub(super) struct RoomSlot<W: FrameEncoder> {
    pub(super) is: RoomProperties,
    /// User who created the room; it counts towards that user's share while it exists.
    pub(super) maker: UserId,
    /// Memory of the messages in bytes, as of the last change. Readable without the lock.
    pub(super) memory: AtomicUsize,
    pub(super) state: Mutex<LockedRoom<W>>,
}

/// State behind the room's lock.
pub(super) struct LockedRoom<W: FrameEncoder> {
    pub(super) room: Room<W::Frame, W::Mailbox>,
    pub(super) invitations: Invitations,
    /// Set when the hub has removed the room; holders must look the code up again.
    pub(super) ended: bool,
    /// Messages and bytes over the room's life, for the audit.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// State at the last summary.
    pub(super) summary: Summary,
}

/// Counters of a room when a summary of it was audited.
pub(super) struct Summary {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Monotonic time.
    pub(super) at: Duration,
}

impl<W: FrameEncoder> RoomSlot<W> {
    pub(super) fn new(is: RoomProperties, maker: UserId, now: Duration) -> Self {
        let state = LockedRoom {
            room: Room::new(now),
            invitations: Invitations::default(),
            ended: false,
            messages: 0,
            bytes: 0,
            summary: Summary { messages: 0, bytes: 0, at: now },
        };
        Self { is, maker, memory: AtomicUsize::new(0), state: Mutex::new(state) }
    }
}

/// Handle to a room that was found by its code.
pub struct RoomHandle<W: FrameEncoder>(pub(super) Arc<RoomSlot<W>>);

impl<W: FrameEncoder> RoomHandle<W> {
    /// Returns the code as the maker wrote it.
    pub fn code(&self) -> &RoomCode {
        &self.0.is.code
    }

    /// Returns the room's kind.
    pub fn kind(&self) -> RoomKind {
        self.0.is.kind
    }

    /// Returns the hash to check a password against.
    pub fn password(&self) -> Arc<str> {
        Arc::clone(&self.0.is.password)
    }
}
