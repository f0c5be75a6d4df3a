//! Messages of the server as JSON (`docs/API.md`).

use serde::Serialize;

use crate::chat::{FrameEncoder, JoinInfo, Mailbox, Presence, Priority, Seq};
use crate::clock::Timestamp;
use crate::limits::whole_seconds;
use crate::types::texts::key;
use crate::types::{Lang, MessageText, RoomCode, RoomKind, UserName};

use crate::ws::protocol::frame::{Frame, FrameBuilder};
use crate::ws::protocol::request_error::{RequestError, RoomLimit};
use crate::ws::send::send_queue::SendQueue;

/// Message to the requesting client only.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerMessage<'a> {
    Joined {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<&'a str>,
        room: &'a str,
        kind: RoomKind,
        created: bool,
        members: Vec<&'a str>,
        seq: Seq,
        resume: &'a str,
    },
    Left {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<&'a str>,
        room: &'a str,
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

/// Returns the answer to `join` and `resume`.
pub(crate) fn joined_message<'a>(
    reference: Option<&'a str>,
    room: &'a RoomCode,
    entered: &'a JoinInfo,
    created: bool,
) -> ServerMessage<'a> {
    ServerMessage::Joined {
        r#ref: reference,
        room: room.as_str(),
        kind: entered.kind,
        created,
        members: entered.members.iter().map(|name| name.as_str()).collect(),
        seq: entered.seq,
        resume: &entered.resume,
    }
}

/// Encoder of the frames of `docs/API.md` for a [`SendQueue`].
pub struct JsonEncoder;

impl FrameEncoder for JsonEncoder {
    type Frame = Frame;
    type Draft = FrameBuilder;
    type Mailbox = std::sync::Arc<SendQueue>;

    fn begin(room: &RoomCode, user: &UserName, text: &MessageText<'_>, at: Timestamp) -> FrameBuilder {
        let text = text.as_str();
        // 128 bytes for names and numbers, and a quarter more for escapes, so that the text is seldom moved.
        let mut draft = FrameBuilder::with_capacity(text.len() + text.len() / 4 + 160);
        draft
            .text("{\"type\":\"message\",\"room\":")
            .push_ascii(room.as_str())
            .text(",\"user\":")
            .value(&user.as_str());
        draft.text(",\"text\":").value(&text).text(",\"at\":").time(at).text(",\"seq\":");
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_exactly_the_documented_fields() {
        let room = "Sala-1".parse().expect("valid");
        let user = "josé".parse().expect("valid");
        let text = MessageText::parse("<b>\"hola\"\n\u{2028}", 100).expect("valid");
        let frame = JsonEncoder::finish(JsonEncoder::begin(&room, &user, &text, Timestamp(0)), 7);
        let bytes = frame.as_bytes();
        let json: serde_json::Value =
            serde_json::from_slice(&bytes[if bytes[1] < 126 { 2 } else { 4 }..]).expect("JSON");
        let want = serde_json::json!({"type": "message", "room": "Sala-1", "user": "josé",
            "text": "<b>\"hola\"\n\u{2028}", "at": "1970-01-01T00:00:00.000Z", "seq": 7});
        assert_eq!(json, want);
    }
}
