//! Memberships of one socket.

use std::time::Duration;

use crate::chat::Membership;
use crate::types::RoomCode;

use crate::ws::protocol::messages::JsonEncoder;

/// Memberships by room code, bounded by `rooms_per_socket`. A list, since most sockets have one and none more
/// than 32.
#[derive(Default)]
pub(super) struct Memberships(Vec<Membership<JsonEncoder>>);

impl Memberships {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, room: &RoomCode) -> Option<&Membership<JsonEncoder>> {
        self.0.iter().find(|place| place.code() == room)
    }

    pub(super) fn remove(&mut self, room: &RoomCode) -> Option<Membership<JsonEncoder>> {
        let at = self.0.iter().position(|place| place.code() == room)?;
        Some(self.0.swap_remove(at))
    }

    /// Adds a membership of a room that has none yet.
    pub(super) fn add(&mut self, place: Membership<JsonEncoder>) {
        // Ten thousand sockets with one membership each must not reserve memory for four.
        self.0.reserve_exact(1);
        self.0.push(place);
    }

    /// Disconnects from all rooms; each seat stays for its grace time.
    pub(super) fn disconnect(&mut self, now: Duration) {
        for place in std::mem::take(&mut self.0) {
            place.disconnect(now);
        }
    }
}
