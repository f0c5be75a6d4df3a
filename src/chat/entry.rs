//! One room as the hub keeps it: the state machine under its lock, and who it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::types::{RoomCode, RoomKind, UserId};

use super::delivery::Wire;
use super::room::Room;

/// A room and what never changes while it lives.
pub(super) struct Entry<W: Wire> {
    pub(super) code: RoomCode,
    pub(super) kind: RoomKind,
    /// Its maker, in whose share it counts as long as it exists.
    pub(super) maker: UserId,
    /// Argon2 PHC string of the password.
    pub(super) password: Arc<str>,
    /// Tells two rooms apart that had the same code one after the other.
    pub(super) instance: u64,
    pub(super) state: Mutex<State<W>>,
}

/// What changes, under the room's lock.
pub(super) struct State<W: Wire> {
    pub(super) room: Room<W::Frame, W::Mailbox>,
    /// Set when the hub has let the room go; who still holds it must look the code up again.
    pub(super) ended: bool,
    /// Messages and bytes of its life, for the audit.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// What the last tally counted up to, and when it was.
    pub(super) tallied: (u64, u64, Duration),
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock is a bug that the panic hook has reported; the data is plain and stays usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A room that was found by its code.
pub struct Found<W: Wire>(pub(super) Arc<Entry<W>>);

impl<W: Wire> Found<W> {
    /// The hash to check a password against.
    pub fn password(&self) -> Arc<str> {
        Arc::clone(&self.0.password)
    }

    /// Whether both are the very same room, not only two that had the same code one after the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
