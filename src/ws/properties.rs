//! Properties of client input, shared by the fuzzers in `fuzz/` and the tests below.
#![allow(clippy::expect_used, reason = "a property that does not hold says so by panicking")]

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::{Role, WebSocketContext};
use zeroize::Zeroizing;

use crate::chat::{FrameEncoder as _, NewMessage};
use crate::clock::Timestamp;
use crate::limits::{Endpoints, Ends};
use crate::types::{Emoji, Lang, MAX_TEXT_CHARS, MessageText, RoomCode, RoomPassword, is_bidi_control};
use crate::ws::conn::connection::{Inbound, PollMode, WsConnection};
use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{JsonEncoder, ServerMessage};
use crate::ws::protocol::request::{Action, InvalidRequest, MAX_ERROR_CHARS, Operation, Request};
use crate::ws::send::send_queue::SendQueue;

/// Asserts that a text is parsed to the values of its JSON, or refused with a short error that quotes no
/// value. The error answer is valid JSON.
pub fn requests(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Request::parse(text) {
        Ok(request) => assert_request(&request, text),
        Err(InvalidRequest { reference, fault }) => {
            let words = fault.to_string();
            assert!(reference.as_ref().is_none_or(|r| r.chars().count() <= 32), "{reference:?}");
            assert!(words.chars().count() <= MAX_ERROR_CHARS, "{words:?}");
            assert_no_value_in_error(text, &words);
            let answer = ServerMessage::error(reference.as_deref(), &fault.into(), Lang::Es);
            let json = payload(&Frame::json(&answer));
            assert_eq!((json["type"].as_str(), json["ref"].as_str()), (Some("error"), reference.as_deref()));
        }
    }
}

/// Decodes a server frame as a client does, and parses its JSON.
fn payload(frame: &Frame) -> Value {
    let mut client = WebSocketContext::new(Role::Client, None);
    let message = client.read(&mut io::Cursor::new(frame.as_bytes().to_vec())).expect("a frame");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

fn assert_request(request: &Request<'_>, text: &str) {
    let json: Value = serde_json::from_str(text).expect("was JSON");
    let (room, action) = match &request.operation {
        Operation::InRoom(room, action) => (room, action),
        Operation::JoinByInvitation(token) => {
            let object = json.as_object().expect("an object");
            assert!(object.keys().all(|key| ["type", "ref", "invite"].contains(&&**key)), "{text}");
            assert_eq!((json["type"].as_str(), json["invite"].as_str()), (Some("join"), Some(&**token)));
            return;
        }
        Operation::Acknowledge(id) => {
            let object = json.as_object().expect("an object");
            assert!(object.keys().all(|key| ["type", "id"].contains(&&**key)), "{text}");
            let digits = json["id"].as_str().expect("text").trim_start_matches('0');
            assert_eq!(id.to_string().trim_start_matches('0'), digits);
            return;
        }
    };
    let fields: &[&str] = match action {
        Action::Join { password, label, create, .. } => {
            assert_eq!(json["label"].as_str(), label.as_deref());
            assert_eq!(json["create"].as_bool(), *create);
            assert_eq!(json["password"], **password);
            if let Ok(kept) = RoomPassword::parse(Zeroizing::new(password.to_string())) {
                assert_eq!(kept.expose(), password.as_bytes());
            }
            &["type", "ref", "room", "password", "kind", "label", "create"]
        }
        Action::Send { text, reply } => {
            assert_eq!((json["text"].as_str(), json["reply"].as_u64()), (Some(&**text), *reply));
            assert_message(room, text);
            &["type", "ref", "room", "text", "reply"]
        }
        Action::Edit { seq, text } => {
            assert_eq!((json["text"].as_str(), json["seq"].as_u64()), (Some(&**text), Some(*seq)));
            assert_message(room, text);
            &["type", "ref", "room", "seq", "text"]
        }
        Action::Remove { seq } => {
            assert_eq!(json["seq"].as_u64(), Some(*seq));
            &["type", "ref", "room", "seq"]
        }
        Action::React { seq, emoji } => {
            assert_eq!((json["emoji"].as_str(), json["seq"].as_u64()), (Some(&**emoji), Some(*seq)));
            if let Ok(kept) = Emoji::parse(emoji) {
                assert_eq!(kept.as_str(), &**emoji);
            }
            &["type", "ref", "room", "seq", "emoji"]
        }
        Action::Leave => &["type", "ref", "room"],
        Action::Enter { since } => {
            assert_eq!(json["since"].as_u64(), Some(*since));
            &["type", "ref", "room", "since"]
        }
        Action::Read { seq } => {
            assert_eq!(json["seq"].as_u64(), Some(*seq));
            &["type", "room", "seq"]
        }
        Action::End => {
            assert_eq!(json["do"], "end");
            &["type", "ref", "room", "do"]
        }
        Action::Typing => &["type", "room"],
    };
    let object = json.as_object().expect("an object");
    assert!(object.keys().all(|key| fields.contains(&&**key)), "{text}");
    let code = json["room"].as_str().expect("text");
    assert!(room.as_str() == code && (1..=RoomCode::MAX).contains(&code.len()), "{code:?}");
    assert_eq!(json["ref"].as_str(), request.reference.as_deref());
}

/// Asserts that an accepted message is clean, parses to itself, and reaches receivers unchanged.
fn assert_message(room: &RoomCode, raw: &str) {
    let Ok(message) = MessageText::parse(raw, MAX_TEXT_CHARS) else { return };
    let text = message.as_str();
    assert!(text.chars().count() <= MAX_TEXT_CHARS && !text.trim().is_empty());
    assert!(
        !text.contains(|c: char| is_bidi_control(c) || (c.is_control() && !matches!(c, '\n' | '\t'))),
        "{text:?}"
    );
    assert!(unicode_normalization::is_nfc(text), "{text:?}");
    let again = MessageText::parse(text, MAX_TEXT_CHARS).expect("is still one");
    assert_eq!(again.as_str(), text);
    let user = "ñandú".parse().expect("a name");
    let new = NewMessage { text: &message, at: Timestamp(0), reply: Some(1) };
    let frame = JsonEncoder::finish(JsonEncoder::begin(room, &user, &new), u64::MAX);
    let json = payload(&frame);
    assert_eq!(payload(&JsonEncoder::revise(&frame, None, &[])), json);
    assert_eq!((json["text"].as_str(), json["room"].as_str()), (Some(text), Some(room.as_str())));
    assert_eq!((json["seq"].as_u64(), json["user"].as_str()), (Some(u64::MAX), Some("ñandú")));
}

/// Asserts that other values give the same error. `type` and `kind` are protocol words and may be quoted.
fn assert_no_value_in_error(text: &str, words: &str) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return };
    let refused = |fields: &serde_json::Map<String, Value>| {
        let words = Request::parse(&Value::Object(fields.clone()).to_string()).err()?.to_string();
        // The position of the end changes with the values.
        Some(words.split_once(" at line ").map_or(words.clone(), |(words, _)| words.to_owned()))
    };
    // The map may reorder the fields, and with them the first error.
    let Some(before) = refused(&fields) else { return };
    for (_, value) in fields.iter_mut().filter(|(key, _)| !matches!(&***key, "type" | "kind")) {
        if let Value::String(value) = value {
            *value = "·".repeat(value.chars().count());
        }
    }
    let after = refused(&fields).expect("is refused all the same");
    assert_eq!(before, after, "{text} was refused with {words:?}");
}

/// Asserts that packet boundaries change neither messages nor close code, that no message exceeds the limit,
/// and that the server writes valid frames. The first byte sets the packet size.
pub fn frames(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = run(bytes.chunks(bytes.len().max(1)));
    let cut = run(bytes.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, cut);
    assert!(whole.0.iter().all(|text| text.len() <= MAX_FRAME), "a text over the limit");
}

const MAX_FRAME: usize = 1024;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));

/// Returns the texts and the close code for `pieces`.
fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, u16) {
    let _entered = RUNTIME.enter();
    let mut wire = Script { pieces: pieces.collect(), written: Vec::new() };
    let mut link = WsConnection::new(&mut wire, &[], MAX_FRAME, Arc::new(SendQueue::default()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut texts = Vec::new();
    let code = loop {
        match link.poll(&mut cx, PollMode::default()) {
            Poll::Ready(Inbound::Text(text)) => texts.push(text.as_str().to_owned()),
            Poll::Ready(Inbound::Closed(code)) => break code,
            Poll::Pending => panic!("it waits for more than the end of the stream"),
        }
    };
    drop(link);
    assert_server_frames(&wire.written);
    (texts, code)
}

/// Asserts whole, unmasked pongs of at most 125 bytes, and at the end at most one close frame with a valid
/// code.
fn assert_server_frames(mut bytes: &[u8]) {
    while let [first, length, rest @ ..] = bytes {
        assert!(matches!(first, 0x88 | 0x8a) && *length <= 125, "{bytes:?}");
        let (payload, after) = rest.split_at_checked((*length).into()).expect("a whole frame");
        if *first == 0x88 {
            let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            assert!(payload.is_empty() || code.is_some_and(may_be_sent), "{payload:?}");
            assert!(after.is_empty(), "after a close frame came {after:?}");
        }
        bytes = after;
    }
    assert!(bytes.is_empty(), "half a frame: {bytes:?}");
}

/// Returns true if a frame may carry the code (RFC 6455 section 7.4, IANA's registry).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Connection that returns the pieces one by one, then ends, and records output.
struct Script<'a> {
    pieces: VecDeque<&'a [u8]>,
    written: Vec<u8>,
}

impl AsyncRead for Script<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.pieces.pop_front() {
            let (now, later) = piece.split_at(piece.len().min(buf.remaining()));
            buf.put_slice(now);
            if !later.is_empty() {
                self.pieces.push_front(later);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Endpoints for &mut Script<'_> {
    fn ends(&self) -> Option<Ends> {
        None
    }
}

impl AsyncWrite for Script<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::replay;
    use proptest::prelude::*;

    #[test]
    fn corpus_keeps_properties() {
        replay("requests", requests);
        replay("frames", frames);
    }

    fn field() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            8 => proptest::sample::select(vec![
                "type", "ref", "room", "password", "kind", "text", "label", "create", "since", "seq", "do",
            ]).prop_map(String::from),
            1 => "\\PC{0,6}",
        ];
        let word = proptest::sample::select(vec![
            "join", "enter", "send", "leave", "read", "moderate", "end", "typing", "group", "private", "sala",
        ]);
        let value = prop_oneof![
            4 => word.prop_map(|word| format!("{word:?}")),
            2 => "\\PC{0,40}".prop_map(|text| Value::from(text).to_string()),
            1 => any::<i64>().prop_map(|n| n.to_string()),
            1 => "null|true|\\[\\]|\\{\\}|1e99|\"\\\\ud800\"",
        ];
        (key, value).prop_map(|(key, value)| format!("{}:{value}", Value::from(key)))
    }

    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![4 => proptest::sample::select(vec![0x81_u8, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88]), 1 => any::<u8>()];
        let payload = prop_oneof![
            "\\PC{0,60}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..300),
            (900..5000_u16, ".{0,20}").prop_map(|(code, why)| [&code.to_be_bytes(), why.as_bytes()].concat()),
        ];
        (first, payload, any::<[u8; 4]>(), 0..20_u8).prop_map(|(first, payload, key, slip)| {
            let mask = if slip == 0 { 0 } else { 0x80 };
            let mut frame = match u8::try_from(payload.len()) {
                Ok(short @ 0..=125) => vec![first, mask | short],
                _ => [&[first, mask | 126], &u16::try_from(payload.len()).expect("short").to_be_bytes()[..]]
                    .concat(),
            };
            frame.extend_from_slice(&key);
            frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
            frame
        })
    }

    proptest! {
        #[test]
        fn any_text_keeps_request_properties(fields in proptest::collection::vec(field(), 0..7), junk in "\\PC{0,80}") {
            requests(format!("{{{}}}", fields.join(",")).as_bytes());
            requests(junk.as_bytes());
        }

        #[test]
        fn any_frames_keep_frame_properties(cut in 1..40_u8, frames in proptest::collection::vec(frame(), 0..8)) {
            super::frames(&[&[cut][..], &frames.concat()].concat());
        }
    }
}
