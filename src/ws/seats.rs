//! Seats of one socket.

use std::time::Duration;

use crate::chat::Seat;
use crate::config::ROOMS_PER_SOCKET_CEILING;
use crate::types::RoomCode;

use crate::ws::protocol::messages::JsonEncoder;

/// Seats by room code. A list, since most sockets have one. Seats of memberships that ended elsewhere are
/// removed before it grows past the limit on memberships.
#[derive(Default)]
pub(super) struct Seats(Vec<Seat<JsonEncoder>>);

impl Seats {
    pub(super) fn get(&self, room: &RoomCode) -> Option<&Seat<JsonEncoder>> {
        self.0.iter().find(|seat| seat.code() == room)
    }

    pub(super) fn remove(&mut self, room: &RoomCode) -> Option<Seat<JsonEncoder>> {
        let at = self.0.iter().position(|seat| seat.code() == room)?;
        Some(self.0.swap_remove(at))
    }

    /// Adds a seat; one that the socket had in a room of that code yields to it.
    pub(super) fn add(&mut self, seat: Seat<JsonEncoder>, now: Duration) {
        if let Some(old) = self.remove(seat.code()) {
            old.replaced_by(&seat, now);
        }
        if self.0.len() >= ROOMS_PER_SOCKET_CEILING {
            self.0.retain(Seat::is_attached);
        }
        // Ten thousand sockets with one seat each must not reserve memory for four.
        self.0.reserve_exact(1);
        self.0.push(seat);
    }

    /// Detaches from all rooms; the memberships stay.
    pub(super) fn detach(&mut self, now: Duration) {
        for seat in std::mem::take(&mut self.0) {
            seat.detach(now);
        }
    }
}
