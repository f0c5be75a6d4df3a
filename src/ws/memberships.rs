//! A socket's places in rooms.

use std::time::Duration;

use crate::chat::Membership;
use crate::types::RoomCode;

use super::messages::JsonEncoder;

/// Places by the room's code; `rooms_per_socket` bounds them. A list, since most sockets have one and none has more than 32.
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

    /// Adds a place in a room where there is none yet.
    pub(super) fn add(&mut self, place: Membership<JsonEncoder>) {
        // Ten thousand sockets with one place each should not keep room for four.
        self.0.reserve_exact(1);
        self.0.push(place);
    }

    /// The connection is lost: each place stays for its grace time.
    pub(super) fn disconnect(&mut self, now: Duration) {
        for place in std::mem::take(&mut self.0) {
            place.disconnect(now);
        }
    }
}
