//! Frames of changed messages.

use serde::{Deserialize, Serialize};

use crate::chat::{NewMessage, Reaction, ReactionChange, Seq};
use crate::clock::Timestamp;
use crate::types::{RoomCode, UserName, ZeroizingCow};

use crate::ws::protocol::frame::{Frame, FrameBuilder};

/// Message as its frame has it; times and the code need no escapes.
#[derive(Deserialize)]
struct KeptMessage<'a> {
    room: &'a str,
    #[serde(borrow)]
    user: ZeroizingCow<'a>,
    #[serde(borrow)]
    text: ZeroizingCow<'a>,
    at: &'a str,
    #[serde(default)]
    reply: Option<Seq>,
    #[serde(borrow, default)]
    edited: Option<&'a str>,
    seq: Seq,
}

/// Row of `reactions`.
#[derive(Serialize)]
struct ReactionRow<'a> {
    emoji: &'a str,
    users: Vec<&'a str>,
}

fn rows(reactions: &[Reaction]) -> Vec<ReactionRow<'_>> {
    let mut rows = Vec::with_capacity(reactions.len());
    for one in reactions {
        let users = one.people.iter().map(|person| person.name.as_str()).collect();
        rows.push(ReactionRow { emoji: one.emoji.as_str(), users });
    }
    rows
}

/// Begins a frame about message `seq`.
fn begin(kind: &str, room: &RoomCode, user: &UserName, seq: Seq, text: usize) -> FrameBuilder {
    let mut draft = FrameBuilder::with_capacity(text + text / 4 + 160);
    draft.text("{\"type\":").push_ascii(kind).text(",\"room\":").push_ascii(room.as_str());
    draft.text(",\"seq\":").value(&seq).text(",\"user\":").value(&user.as_str());
    draft
}

/// Encodes an edit.
pub(super) fn edited(room: &RoomCode, user: &UserName, seq: Seq, message: &NewMessage<'_>) -> Frame {
    let text = message.text.as_str();
    let mut draft = begin("edited", room, user, seq, text.len());
    draft.text(",\"text\":").value(&text).text(",\"at\":").time(message.at).text("}");
    draft.finish()
}

/// Encodes a removal.
pub(super) fn removed(room: &RoomCode, user: &UserName, seq: Seq, at: Timestamp) -> Frame {
    let mut draft = begin("removed", room, user, seq, 0);
    draft.text(",\"at\":").time(at).text("}");
    draft.finish()
}

/// Encodes a reaction, with `all` of the message for a socket that may lack others.
pub(super) fn reacted(
    room: &RoomCode,
    user: &UserName,
    change: ReactionChange<'_>,
    all: Option<&[Reaction]>,
) -> Frame {
    let mut draft = begin("reacted", room, user, change.seq, 0);
    draft.text(",\"emoji\":").value(&change.emoji.as_str()).text(",\"on\":").value(&change.is_on);
    if let Some(all) = all {
        draft.text(",\"reactions\":").value(&rows(all));
    }
    draft.text("}");
    draft.finish()
}

/// Encodes a message anew from the frame of its last state.
pub(super) fn revise(message: &Frame, edit: Option<&NewMessage<'_>>, reactions: &[Reaction]) -> Frame {
    let Ok(kept) = serde_json::from_slice::<KeptMessage<'_>>(message.payload()) else {
        debug_assert!(false, "the frame of a message is JSON");
        return message.clone();
    };
    let text = edit.map_or(&*kept.text, |edit| edit.text.as_str());
    let mut draft = FrameBuilder::with_capacity(text.len() + text.len() / 4 + 256);
    draft.text("{\"type\":\"message\",\"room\":").push_ascii(kept.room);
    draft.text(",\"user\":").value(&&*kept.user).text(",\"text\":").value(&text);
    draft.text(",\"at\":").push_ascii(kept.at);
    if let Some(reply) = kept.reply {
        draft.text(",\"reply\":").value(&reply);
    }
    if let Some(edit) = edit {
        draft.text(",\"edited\":").time(edit.at);
    } else if let Some(edited) = kept.edited {
        draft.text(",\"edited\":").push_ascii(edited);
    }
    if !reactions.is_empty() {
        draft.text(",\"reactions\":").value(&rows(reactions));
    }
    draft.text(",\"seq\":").value(&kept.seq).text("}");
    draft.finish()
}
