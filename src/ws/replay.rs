//! Missed messages and changes of rooms that a socket has entered, read from the rings at the pace of the
//! client.

use std::collections::VecDeque;

use crate::chat::{BackfillBudget, Missed, Seat, SeqGap};
use crate::types::RoomCode;

use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{JsonEncoder, ServerMessage};
use crate::ws::seats::Seats;

/// Messages per step: a batch of the connection. They leave the ring's memory only when the client has read
/// those before.
const STEP: BackfillBudget = BackfillBudget { frames: 64, bytes: 64 * 1024 };

/// Rooms of which messages or changes are still to be sent. At most one entry a seat.
#[derive(Default)]
pub(super) struct Replays(VecDeque<Replay>);

struct Replay {
    room: RoomCode,
    missed: Missed,
}

impl Replays {
    /// Adds a room if anything is missing; a replay of it in progress starts anew.
    pub(super) fn add(&mut self, room: RoomCode, missed: Missed) {
        self.0.retain(|replay| replay.room != room);
        if missed != Missed::default() {
            self.0.push_back(Replay { room, missed });
        }
    }

    /// Returns true if nothing is left to send.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next frames; they may be none.
    pub(super) fn next(&mut self, seats: &Seats) -> Vec<Frame> {
        let Some(replay) = self.0.front_mut() else { return Vec::new() };
        let frames = seats.get(&replay.room).and_then(|seat| replay.step(seat));
        if frames.is_none() || replay.missed == Missed::default() {
            // Complete, or the membership ended meanwhile.
            self.0.pop_front();
        }
        frames.unwrap_or_default()
    }
}

impl Replay {
    /// Returns the next frames; `None` if the socket is no longer in the room.
    fn step(&mut self, seat: &Seat<JsonEncoder>) -> Option<Vec<Frame>> {
        if let Some(since) = self.missed.messages {
            let (missed, is_complete) = seat.backfill(since, STEP)?;
            self.missed.messages = (!is_complete).then_some(missed.until);
            let gap = missed.gap.map(|SeqGap { first: from, last: to }| {
                Frame::json(&ServerMessage::Gap { room: self.room.as_str(), from, to })
            });
            return Some(gap.into_iter().chain(missed.messages).collect());
        }
        if let Some((after, until)) = self.missed.changes {
            let missed = seat.missed_changes(after, until, STEP)?;
            self.missed.changes = missed.until.map(|after| (after, until));
            return Some(missed.frames);
        }
        Some(Vec::new())
    }
}
