//! Encoder and receiver for tests of the hub.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::clock::Timestamp;
use crate::locks::lock;
use crate::types::{RoomCode, UserName};

use super::delivery::{
    FrameEncoder, LeaveReason, Mailbox, NewMessage, Presence, Priority, ReactionChange, SharedFrame,
};
use super::reactions::Reaction;
use super::room_slot::RoomSlot;
use super::seq::Seq;

/// Encoder whose frames are words.
pub(super) struct Words;

/// Receiver that notes a frame which comes under the room's lock, if it knows the room.
#[derive(Clone, Default)]
pub(super) struct Inbox(pub(super) Arc<Mutex<Vec<String>>>, pub(super) Option<Arc<RoomSlot<Words>>>);

impl SharedFrame for String {
    fn byte_count(&self) -> usize {
        self.as_str().len()
    }
}

impl Mailbox<String> for Inbox {
    fn deliver(&self, frame: String, _: Priority) {
        let locked = self.1.as_ref().is_some_and(|room| room.state.try_lock().is_err());
        lock(&self.0).push(if locked { format!("{frame}, under the lock") } else { frame });
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn last_input(&self) -> Instant {
        Instant::now()
    }
}

impl FrameEncoder for Words {
    type Frame = String;
    type Draft = String;
    type Mailbox = Inbox;

    fn begin(_: &RoomCode, user: &UserName, message: &NewMessage<'_>) -> String {
        format!("{user}: {}", message.text.as_str())
    }

    fn finish(draft: String, seq: Seq) -> String {
        format!("{seq} {draft}")
    }

    fn presence(_: &RoomCode, user: &UserName, event: Presence, _: Timestamp) -> String {
        format!("{user} {event:?}")
    }

    fn typing(_: &RoomCode, user: &UserName) -> String {
        format!("{user} …")
    }

    fn left(room: &RoomCode, reason: LeaveReason) -> String {
        format!("left {room} {reason:?}")
    }

    fn read(room: &RoomCode, seq: Seq) -> String {
        format!("read {room} {seq}")
    }

    fn edited(_: &RoomCode, _: &UserName, seq: Seq, message: &NewMessage<'_>) -> String {
        format!("edited {seq} {}", message.text.as_str())
    }

    fn removed(_: &RoomCode, _: &UserName, seq: Seq, _: Timestamp) -> String {
        format!("removed {seq}")
    }

    fn reacted(
        _: &RoomCode,
        user: &UserName,
        change: ReactionChange<'_>,
        all: Option<&[Reaction]>,
    ) -> String {
        let all = all.map_or_else(String::new, |all| format!(" of {}", all.len()));
        format!("{user} {} {} {}{all}", change.emoji.as_str(), change.is_on, change.seq)
    }

    fn revise(message: &String, edit: Option<&NewMessage<'_>>, reactions: &[Reaction]) -> String {
        let text = edit.map_or_else(|| message.clone(), |edit| edit.text.as_str().to_owned());
        format!("{text}{}", "+".repeat(reactions.len()))
    }
}
