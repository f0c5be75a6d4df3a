//! Encoder of real frames for mailboxes that keep nothing.

use std::time::Instant;

use pichat::chat::{
    FrameEncoder, LeaveReason, Mailbox, NewMessage, Presence, Priority, Reaction, ReactionChange, Seq,
};
use pichat::clock::Timestamp;
use pichat::types::{RoomCode, UserName};
use pichat::ws::{Frame, FrameBuilder, JsonEncoder};

/// Encodes as the server does, for mailboxes that keep nothing: only the room is measured.
pub(crate) struct NullEncoder;

#[derive(Clone)]
pub(crate) struct NullMailbox(pub(crate) u64);

impl Mailbox<Frame> for NullMailbox {
    fn deliver(&self, frame: Frame, urgency: Priority) {
        std::hint::black_box((frame, urgency));
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn last_input(&self) -> Instant {
        Instant::now()
    }
}

impl FrameEncoder for NullEncoder {
    type Frame = Frame;
    type Draft = FrameBuilder;
    type Mailbox = NullMailbox;

    fn begin(room: &RoomCode, user: &UserName, message: &NewMessage<'_>) -> FrameBuilder {
        JsonEncoder::begin(room, user, message)
    }

    fn finish(draft: FrameBuilder, seq: Seq) -> Frame {
        JsonEncoder::finish(draft, seq)
    }

    fn presence(room: &RoomCode, user: &UserName, event: Presence, at: Timestamp) -> Frame {
        JsonEncoder::presence(room, user, event, at)
    }

    fn typing(room: &RoomCode, user: &UserName) -> Frame {
        JsonEncoder::typing(room, user)
    }

    fn left(room: &RoomCode, reason: LeaveReason) -> Frame {
        JsonEncoder::left(room, reason)
    }

    fn read(room: &RoomCode, seq: Seq) -> Frame {
        JsonEncoder::read(room, seq)
    }

    fn edited(room: &RoomCode, user: &UserName, seq: Seq, message: &NewMessage<'_>) -> Frame {
        JsonEncoder::edited(room, user, seq, message)
    }

    fn removed(room: &RoomCode, user: &UserName, seq: Seq, at: Timestamp) -> Frame {
        JsonEncoder::removed(room, user, seq, at)
    }

    fn reacted(
        room: &RoomCode,
        user: &UserName,
        change: ReactionChange<'_>,
        all: Option<&[Reaction]>,
    ) -> Frame {
        JsonEncoder::reacted(room, user, change, all)
    }

    fn revise(message: &Frame, edit: Option<&NewMessage<'_>>, reactions: &[Reaction]) -> Frame {
        JsonEncoder::revise(message, edit, reactions)
    }
}
