//! Room in the hub's directory: its identity, and its state machine under a lock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::types::{RoomCode, RoomKind, UserId};

use super::delivery::FrameEncoder;
use super::room::Room;

/// A room and its immutable properties.
pub(super) struct RoomSlot<W: FrameEncoder> {
    pub(super) code: RoomCode,
    pub(super) kind: RoomKind,
    /// User who created the room; it counts towards that user's share while it exists.
    pub(super) maker: UserId,
    /// Argon2 PHC string of the password.
    pub(super) password: Arc<str>,
    /// Distinguishes successive rooms under the same code.
    pub(super) instance: u64,
    pub(super) state: Mutex<LockedRoom<W>>,
}

/// State behind the room's lock.
pub(super) struct LockedRoom<W: FrameEncoder> {
    pub(super) room: Room<W::Frame, W::Mailbox>,
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

/// Handle to a room that was found by its code.
pub struct RoomHandle<W: FrameEncoder>(pub(super) Arc<RoomSlot<W>>);

impl<W: FrameEncoder> RoomHandle<W> {
    /// Returns the hash to check a password against.
    pub fn password(&self) -> Arc<str> {
        Arc::clone(&self.0.password)
    }

    /// Returns true if both are the same room, not only successive rooms under one code.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
