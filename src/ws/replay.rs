//! Missed messages of rooms that a socket has entered, read from the rings at the pace of the client.

use std::collections::VecDeque;

use crate::chat::{BackfillBudget, Seq, SeqGap};
use crate::types::RoomCode;

use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::ServerMessage;
use crate::ws::seats::Seats;

/// Messages per step: a batch of the connection. They leave the ring's memory only when the client has read
/// those before.
const STEP: BackfillBudget = BackfillBudget { frames: 64, bytes: 64 * 1024 };

/// Rooms whose missed messages are still to be sent, each with the last number sent. At most one entry a
/// seat.
#[derive(Default)]
pub(super) struct Replays(VecDeque<Replay>);

struct Replay {
    room: RoomCode,
    since: Seq,
}

impl Replays {
    /// Adds a room; a replay of it in progress starts anew.
    pub(super) fn add(&mut self, room: RoomCode, since: Seq) {
        self.0.retain(|replay| replay.room != room);
        self.0.push_back(Replay { room, since });
    }

    /// Returns true if nothing is left to send.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next frames; they may be none.
    pub(super) fn next(&mut self, seats: &Seats) -> Vec<Frame> {
        let Some(replay) = self.0.front_mut() else { return Vec::new() };
        let missed = seats.get(&replay.room).and_then(|seat| seat.backfill(replay.since, STEP));
        let Some((missed, is_complete)) = missed else {
            // The membership ended meanwhile.
            self.0.pop_front();
            return Vec::new();
        };
        let gap = missed.gap.map(|SeqGap { first: from, last: to }| {
            Frame::json(&ServerMessage::Gap { room: replay.room.as_str(), from, to })
        });
        replay.since = missed.until;
        if is_complete {
            self.0.pop_front();
        }
        let mut frames = missed.messages;
        if let Some(gap) = gap {
            frames.insert(0, gap);
        }
        frames
    }
}
