//! Messages of the server as JSON (`docs/API.md`).

use std::time::Instant;

use serde::Serialize;

use crate::chat::{
    FrameEncoder, JoinInfo, LeaveReason, Mailbox, MemberState, NewMessage, OwnRoom, Presence, Priority,
    Reaction, ReactionChange, Seq, SharedFrame,
};
use crate::clock::Timestamp;
use crate::limits::whole_seconds;
use crate::types::texts::key;
use crate::types::{Lang, RoomCode, RoomKind, RoomLabel, UserName};

use crate::ws::protocol::changes;
use crate::ws::protocol::frame::{Frame, FrameBuilder};
use crate::ws::protocol::request_error::{RequestError, RoomLimit};
use crate::ws::send::send_queue::SendQueue;

/// Row of `members` in `joined`.
#[derive(Serialize)]
pub(crate) struct MemberRow<'a> {
    user: &'a str,
    /// `here` or `away`.
    state: &'static str,
}

/// Row of `rooms` in `welcome`.
#[derive(Serialize)]
pub(crate) struct WelcomeRow<'a> {
    room: &'a str,
    kind: RoomKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    seq: Seq,
    read: Seq,
    people: usize,
}

/// Message to the requesting client only.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerMessage<'a> {
    /// First frame of a socket: the rooms of its session. At most 32 rows of 200 bytes.
    Welcome {
        user: &'a str,
        rooms: Vec<WelcomeRow<'a>>,
        /// Differs after a restart of the server.
        boot: &'a str,
    },
    Joined {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<&'a str>,
        room: &'a str,
        kind: RoomKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<&'a str>,
        created: bool,
        members: Vec<MemberRow<'a>>,
        seq: Seq,
        read: Seq,
        /// The person created the room.
        maker: bool,
    },
    Left {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<&'a str>,
        room: &'a str,
        reason: &'static str,
    },
    Gap {
        room: &'a str,
        from: Seq,
        to: Seq,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<&'a str>,
        code: &'static str,
        detail: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// Key of the limit that was reached, where one code covers several.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<RoomLimit>,
    },
}

impl<'a> ServerMessage<'a> {
    pub(crate) fn error(r#ref: Option<&'a str>, refusal: &RequestError, lang: Lang) -> Self {
        let RequestError { code, detail, retry, limit, .. } = refusal;
        let text = code.text().get(lang);
        let mut detail = match detail {
            Some(detail) => format!("{text}: {}.", detail.get(lang)),
            None => format!("{text}."),
        };
        let retry_after = retry.map(whole_seconds);
        if let Some(seconds) = retry_after {
            detail.push(' ');
            detail.push_str(&key::WAIT_AGAIN.fill(lang, &[("wait", &lang.wait(seconds))]));
        }
        Self::Error { r#ref, code: code.as_str(), detail, retry_after, limit: *limit }
    }
}

/// Encodes the answer to `send`. It is written without serde, since there is one for every message.
pub(crate) fn sent_message(reference: Option<&str>, room: &RoomCode, seq: Seq, at: Timestamp) -> Frame {
    let mut draft = FrameBuilder::with_capacity(160);
    draft.text("{\"type\":\"sent\"");
    if let Some(reference) = reference {
        draft.text(",\"ref\":").value(&reference);
    }
    draft
        .text(",\"room\":")
        .push_ascii(room.as_str())
        .text(",\"seq\":")
        .value(&seq)
        .text(",\"at\":")
        .time(at)
        .text("}");
    draft.finish()
}

/// Returns the first message of a socket.
pub(crate) fn welcome_message<'a>(
    user: &'a UserName,
    rooms: &'a [OwnRoom],
    boot: &'a str,
) -> ServerMessage<'a> {
    let row = |own: &'a OwnRoom| WelcomeRow {
        room: own.code.as_str(),
        kind: own.kind,
        label: own.label.as_ref().map(RoomLabel::as_str),
        seq: own.seq,
        read: own.read,
        people: own.people,
    };
    ServerMessage::Welcome { user: user.as_str(), rooms: rooms.iter().map(row).collect(), boot }
}

/// Returns the answer to `join` and `enter`.
pub(crate) fn joined_message<'a>(
    reference: Option<&'a str>,
    room: &'a RoomCode,
    info: &'a JoinInfo,
    created: bool,
) -> ServerMessage<'a> {
    let row = |member: &'a MemberState| MemberRow {
        user: member.name.as_str(),
        state: if member.is_away { "away" } else { "here" },
    };
    ServerMessage::Joined {
        r#ref: reference,
        room: room.as_str(),
        kind: info.kind,
        label: info.label.as_ref().map(RoomLabel::as_str),
        created,
        members: info.members.iter().map(row).collect(),
        seq: info.seq,
        read: info.read,
        maker: info.is_maker,
    }
}

/// Returns the word of a reason in `left`.
pub(crate) const fn leave_word(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "left",
        LeaveReason::Ended => "ended",
        LeaveReason::SessionEnded => "session",
        LeaveReason::Superseded => "superseded",
    }
}

/// Encoder of the frames of `docs/API.md` for a [`SendQueue`].
pub struct JsonEncoder;

impl FrameEncoder for JsonEncoder {
    type Frame = Frame;
    type Draft = FrameBuilder;
    type Mailbox = std::sync::Arc<SendQueue>;

    fn begin(room: &RoomCode, user: &UserName, message: &NewMessage<'_>) -> FrameBuilder {
        let text = message.text.as_str();
        // 128 bytes for names and numbers, and a quarter more for escapes, so that the text is seldom moved.
        let mut draft = FrameBuilder::with_capacity(text.len() + text.len() / 4 + 160);
        draft
            .text("{\"type\":\"message\",\"room\":")
            .push_ascii(room.as_str())
            .text(",\"user\":")
            .value(&user.as_str());
        draft.text(",\"text\":").value(&text).text(",\"at\":").time(message.at);
        if let Some(reply) = message.reply {
            draft.text(",\"reply\":").value(&reply);
        }
        draft.text(",\"seq\":");
        draft
    }

    fn finish(mut draft: FrameBuilder, seq: Seq) -> Frame {
        draft.value(&seq).text("}");
        draft.finish()
    }

    fn presence(room: &RoomCode, user: &UserName, event: Presence, at: Timestamp) -> Frame {
        let event = match event {
            Presence::Joined => "joined",
            Presence::Left => "left",
            Presence::Away => "away",
            Presence::Back => "back",
        };
        let mut draft = FrameBuilder::with_capacity(160);
        draft
            .text("{\"type\":\"presence\",\"room\":")
            .push_ascii(room.as_str())
            .text(",\"user\":")
            .value(&user.as_str());
        draft.text(",\"event\":").push_ascii(event).text(",\"at\":").time(at).text("}");
        draft.finish()
    }

    fn typing(room: &RoomCode, user: &UserName) -> Frame {
        let mut draft = FrameBuilder::with_capacity(96);
        draft
            .text("{\"type\":\"typing\",\"room\":")
            .push_ascii(room.as_str())
            .text(",\"user\":")
            .value(&user.as_str())
            .text("}");
        draft.finish()
    }

    fn left(room: &RoomCode, reason: LeaveReason) -> Frame {
        Frame::json(&ServerMessage::Left { r#ref: None, room: room.as_str(), reason: leave_word(reason) })
    }

    fn read(room: &RoomCode, seq: Seq) -> Frame {
        let mut draft = FrameBuilder::with_capacity(64);
        draft.text("{\"type\":\"read\",\"room\":").push_ascii(room.as_str()).text(",\"seq\":").value(&seq);
        draft.text("}");
        draft.finish()
    }

    fn edited(room: &RoomCode, user: &UserName, seq: Seq, message: &NewMessage<'_>) -> Frame {
        changes::edited(room, user, seq, message)
    }

    fn removed(room: &RoomCode, user: &UserName, seq: Seq, at: Timestamp) -> Frame {
        changes::removed(room, user, seq, at)
    }

    fn reacted(
        room: &RoomCode,
        user: &UserName,
        change: ReactionChange<'_>,
        all: Option<&[Reaction]>,
    ) -> Frame {
        changes::reacted(room, user, change, all)
    }

    fn revise(message: &Frame, edit: Option<&NewMessage<'_>>, reactions: &[Reaction]) -> Frame {
        changes::revise(message, edit, reactions)
    }
}

impl SharedFrame for Frame {
    fn byte_count(&self) -> usize {
        self.capacity()
    }
}

impl Mailbox<Frame> for std::sync::Arc<SendQueue> {
    fn deliver(&self, frame: Frame, urgency: Priority) {
        self.push(frame, urgency);
    }

    fn queue(&self, frame: Frame, urgency: Priority) -> bool {
        SendQueue::enqueue(self, frame, urgency)
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }

    fn last_input(&self) -> Instant {
        self.pulse.last_input().into_std()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Emoji, MessageText, Person, UserId};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn decode(frame: &Frame) -> Value {
        serde_json::from_slice(frame.payload()).expect("JSON")
    }

    fn message(text: &MessageText<'_>, reply: Option<Seq>) -> Frame {
        let (room, user) = ("Sala-1".parse().expect("valid"), "josé".parse().expect("valid"));
        let message = NewMessage { text, at: Timestamp(0), reply };
        JsonEncoder::finish(JsonEncoder::begin(&room, &user, &message), 7)
    }

    #[test]
    fn message_has_exactly_the_documented_fields() {
        let text = MessageText::parse("<b>\"hola\"\n\u{2028}", 100).expect("valid");
        let want = json!({"type": "message", "room": "Sala-1", "user": "josé",
            "text": "<b>\"hola\"\n\u{2028}", "at": "1970-01-01T00:00:00.000Z", "seq": 7});
        assert_eq!(decode(&message(&text, None)), want);
        assert_eq!(decode(&message(&text, Some(3)))["reply"], 3);
    }

    #[test]
    fn revised_message_keeps_every_other_field() {
        for length in [1, 100, 4000] {
            let old = "ñ\"".repeat(length / 2 + 1);
            let (old, new) = (
                MessageText::parse(&old, 5000).expect("valid"),
                MessageText::parse("nuevo \u{2028}", 100).expect("valid"),
            );
            let first = message(&old, Some(3));
            let edit = NewMessage { text: &new, at: Timestamp(1), reply: None };
            let edited = JsonEncoder::revise(&first, Some(&edit), &[]);
            let mut want = decode(&first);
            want["text"] = json!("nuevo \u{2028}");
            want["edited"] = json!("1970-01-01T00:00:00.001Z");
            assert_eq!(decode(&edited), want);
            let person = Arc::new(Person { id: UserId(1), name: "ana".parse().expect("valid") });
            let emoji = Emoji::parse("👍").expect("one emoji");
            let reactions = [Reaction { emoji, people: vec![person] }];
            want["reactions"] = json!([{"emoji": "👍", "users": ["ana"]}]);
            let reacted = JsonEncoder::revise(&edited, None, &reactions);
            assert_eq!(decode(&reacted), want);
            want.as_object_mut().expect("fields").remove("reactions");
            assert_eq!(decode(&JsonEncoder::revise(&reacted, None, &[])), want);
        }
    }
}
