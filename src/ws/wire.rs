//! What goes over the socket as JSON (DESIGN section 5).

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chat::{Entered, Mailbox, Presence, Seq, Urgency, Wire};
use crate::clock::Timestamp;
use crate::types::{Lang, MessageText, RoomCode, RoomKind, Text, UserName};

use super::frame::{Draft, Frame};
use super::outbound::Outbound;

/// Characters of a `ref`.
const MAX_REF: usize = 32;
/// Characters of what is told about a frame that is no request: the longest of serde's own sentences about ours has under 100.
pub(super) const MAX_WORDS: usize = 200;

/// A `ref` that came with a request and goes with its answer.
pub type Ref = Option<String>;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// Wants to be in a room, and makes it where the code is free.
    Join {
        /// Comes back with the answer.
        #[serde(default)]
        r#ref: Ref,
        /// The code as typed.
        room: String,
        /// The password as typed.
        password: Zeroizing<String>,
        /// Of the room to make; one that exists keeps its own.
        kind: RoomKind,
    },
    /// Says something.
    Send {
        /// Comes back with the answer.
        #[serde(default)]
        r#ref: Ref,
        /// Where.
        room: String,
        /// The text as typed.
        text: Zeroizing<String>,
    },
    /// Gives a place up.
    Leave {
        /// Comes back with the answer.
        #[serde(default)]
        r#ref: Ref,
        /// Which.
        room: String,
    },
    /// Takes a place again after a lost connection.
    Resume {
        /// Comes back with the answer.
        #[serde(default)]
        r#ref: Ref,
        /// Where.
        room: String,
        /// The token that `joined` gave.
        resume: String,
        /// The last message that was seen.
        since: Seq,
    },
    /// Is typing; there is no answer.
    Typing {
        /// Where.
        room: String,
    },
}

impl Request {
    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong, in words without values, with the `ref` where one can be read.
    pub fn parse(text: &str) -> Result<Self, (Ref, String)> {
        let request: Self = serde_json::from_str(text).map_err(|error| {
            let fields = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let found = fields.get("ref").and_then(|r| r.as_str()).filter(|r| fits(r)).map(str::to_owned);
            (found, describe(&error))
        })?;
        // serde would also take the values alone, as an array.
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err((None, "not a JSON object".to_owned()));
        }
        match request.reference() {
            Some(long) if !fits(long) => Err((None, format!("`ref` has at most {MAX_REF} characters"))),
            _ => Ok(request),
        }
    }

    fn reference(&self) -> Option<&str> {
        match self {
            Self::Join { r#ref, .. } | Self::Send { r#ref, .. } | Self::Leave { r#ref, .. } | Self::Resume { r#ref, .. } => {
                r#ref.as_deref()
            }
            Self::Typing { .. } => None,
        }
    }
}

fn fits(reference: &str) -> bool {
    reference.chars().nth(MAX_REF).is_none()
}

/// serde's words, without values: a value may be a password.
fn describe(error: &serde_json::Error) -> String {
    let mut words = words(error);
    // A name that nobody knows is quoted, and a client may choose a long one.
    if let Some((at, _)) = words.char_indices().nth(MAX_WORDS) {
        words.truncate(at);
    }
    words
}

fn words(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        // "invalid type: string \"secret\", expected u64": what was found is left out.
        // What was found may hold the same words, so what stands last counts.
        match (text.split_once(": "), text.rsplit_once(", expected ")) {
            (Some((what, _)), Some((_, wanted))) => format!("{what}: expected {wanted}"),
            _ => text,
        }
    } else {
        format!("not JSON, at column {}", error.column())
    }
}

/// Stable error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BadRequest,
    UnknownRoom,
    WrongPassword,
    NotMember,
    RateLimited,
    TooLong,
    RoomFull,
    TooManyRooms,
}

impl Code {
    /// The stable word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownRoom => "unknown_room",
            Self::WrongPassword => "wrong_password",
            Self::NotMember => "not_member",
            Self::RateLimited => "rate_limited",
            Self::TooLong => "too_long",
            Self::RoomFull => "room_full",
            Self::TooManyRooms => "too_many_rooms",
        }
    }

    pub(super) fn text(self) -> Text {
        match self {
            Self::BadRequest => Text::new("No entendí ese mensaje", "That message was not understood"),
            Self::UnknownRoom => Text::new(
                "Esa sala ya no te guarda el puesto; únete de nuevo",
                "That room no longer keeps your place; join it again",
            ),
            Self::WrongPassword => Text::new("La contraseña de la sala no es correcta", "The room password is wrong"),
            Self::NotMember => Text::new("No estás en esa sala; únete primero", "You are not in that room; join it first"),
            Self::RateLimited => Text::new("Vas muy rápido; espera un momento", "That was too fast; wait a moment"),
            Self::TooLong => Text::new("Es demasiado largo", "It is too long"),
            Self::RoomFull => Text::new("La sala está llena", "The room is full"),
            Self::TooManyRooms => Text::new("Hay demasiadas salas abiertas", "There are too many rooms"),
        }
    }
}

/// What only the asking client gets.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Answer<'a> {
    Joined {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Ref,
        room: &'a str,
        kind: RoomKind,
        created: bool,
        members: Vec<&'a str>,
        seq: Seq,
        resume: &'a str,
    },
    Sent {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Ref,
        room: &'a str,
        seq: Seq,
        at: String,
    },
    Left {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Ref,
        room: &'a str,
    },
    Gap {
        room: &'a str,
        from: Seq,
        to: Seq,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Ref,
        code: &'static str,
        detail: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

impl Answer<'_> {
    pub(super) fn error(r#ref: Ref, code: Code, detail: Option<&str>, retry_after: Option<u64>, lang: Lang) -> Self {
        let text = code.text().pick(lang);
        let detail = detail.map_or_else(|| format!("{text}."), |more| format!("{text}: {more}."));
        Self::Error { r#ref, code: code.word(), detail, retry_after }
    }
}

/// The answer to `join` and `resume`.
pub(super) fn joined_answer<'a>(reference: Ref, room: &'a RoomCode, entered: &'a Entered, created: bool) -> Answer<'a> {
    Answer::Joined {
        r#ref: reference,
        room: room.as_str(),
        kind: entered.kind,
        created,
        members: entered.members.iter().map(|name| name.as_str()).collect(),
        seq: entered.seq,
        resume: &entered.resume,
    }
}

/// The frames of DESIGN section 5 over an [`Outbound`] queue.
pub struct JsonWire;

impl Wire for JsonWire {
    type Frame = Frame;
    type Draft = Draft;
    type Mailbox = std::sync::Arc<Outbound>;

    fn draft(room: &RoomCode, user: &UserName, text: &MessageText, at: Timestamp) -> Draft {
        let text = text.as_str();
        // 128 bytes of names and numbers; a quarter more for escapes, so that the text is seldom moved.
        let mut draft = Draft::with_capacity(text.len() + text.len() / 4 + 160);
        draft.text("{\"type\":\"message\",\"room\":").value(&room.as_str()).text(",\"user\":").value(&user.as_str());
        draft.text(",\"text\":").value(&text).text(",\"at\":\"").text(&at.to_string()).text("\",\"seq\":");
        draft
    }

    fn seal(mut draft: Draft, seq: Seq) -> Frame {
        draft.value(&seq).text("}");
        draft.finish()
    }

    fn presence(room: &RoomCode, user: &UserName, event: Presence, at: Timestamp) -> Frame {
        let event = match event {
            Presence::Joined => "joined",
            Presence::Left => "left",
        };
        let mut draft = Draft::with_capacity(160);
        draft.text("{\"type\":\"presence\",\"room\":").value(&room.as_str()).text(",\"user\":").value(&user.as_str());
        draft.text(",\"event\":\"").text(event).text("\",\"at\":\"").text(&at.to_string()).text("\"}");
        draft.finish()
    }

    fn typing(room: &RoomCode, user: &UserName) -> Frame {
        let mut draft = Draft::with_capacity(96);
        draft.text("{\"type\":\"typing\",\"room\":").value(&room.as_str()).text(",\"user\":").value(&user.as_str()).text("}");
        draft.finish()
    }
}

impl Mailbox<Frame> for std::sync::Arc<Outbound> {
    fn deliver(&self, frame: Frame, urgency: Urgency) {
        self.push(frame, urgency);
    }

    fn queue(&self, frame: Frame, urgency: Urgency) -> bool {
        Outbound::queue(self, frame, urgency)
    }

    fn same(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_read_strictly() {
        let ok = |text: &str| Request::parse(text).is_ok();
        assert!(ok(r#"{"type":"join","room":"a","password":"1234","kind":"group"}"#));
        assert!(ok(r#"{"type":"join","ref":null,"room":"a","password":"1234","kind":"private"}"#));
        assert!(ok(r#"{"type":"typing","room":"a"}"#));
        for bad in [
            "",
            "{",
            "[]",
            r#"["typing","a"]"#,
            r#" ["join",null,"a","1234","group"]"#,
            "null",
            r#"{"type":"join","room":"a","password":"1234"}"#,
            r#"{"type":"join","room":"a","password":"1234","kind":"secret"}"#,
            r#"{"type":"send","room":"a","text":"x","extra":1}"#,
            r#"{"type":"send","room":7,"text":"x"}"#,
            r#"{"type":"shout","room":"a"}"#,
            r#"{"room":"a","text":"x"}"#,
            r#"{"type":"resume","room":"a","resume":"x","since":-1}"#,
            r#"{"type":"typing","ref":"1","room":"a"}"#,
            r#"{"type":"send","room":"a","text":"\ud800"}"#,
        ] {
            assert!(!ok(bad), "{bad}");
        }
    }

    #[test]
    fn a_bad_request_keeps_its_ref_and_shows_no_value() {
        let refused = |text: &str| Request::parse(text).err().expect("is refused");
        let (r, detail) = refused(r#"{"type":"send","ref":"r7","room":{"hidden":1},"text":"x"}"#);
        assert_eq!(r.as_deref(), Some("r7"));
        assert!(!detail.contains("hidden"), "{detail}");
        let (_, detail) = refused(r#"{"type":"resume","room":"a","resume":"r","since":"geheim"}"#);
        assert!(!detail.contains("geheim"), "{detail}");
        let (_, detail) = refused(r#"{"type":"resume","room":"a","resume":"r","since":"x, expected geheim"}"#);
        assert!(!detail.contains("geheim"), "{detail}");
        let (_, detail) = refused(&format!(r#"{{"type":"leave","room":"a","{}":1}}"#, "ñ".repeat(9000)));
        assert_eq!(detail.chars().count(), MAX_WORDS, "{detail}");
        let long = "x".repeat(33);
        assert_eq!(refused(&format!(r#"{{"type":"leave","ref":"{long}","room":"a"}}"#)).0, None);
        assert_eq!(refused(&format!(r#"{{"type":"nope","ref":"{long}"}}"#)).0, None);
    }

    #[test]
    fn a_message_is_json_with_exactly_the_contracts_fields() {
        let room = "Sala-1".parse().expect("valid");
        let user = "josé".parse().expect("valid");
        let text = MessageText::parse("<b>\"hola\"\n\u{2028}", 100).expect("valid");
        let frame = JsonWire::seal(JsonWire::draft(&room, &user, &text, Timestamp(0)), 7);
        let bytes = frame.as_bytes();
        let json: serde_json::Value = serde_json::from_slice(&bytes[if bytes[1] < 126 { 2 } else { 4 }..]).expect("JSON");
        let want = serde_json::json!({"type": "message", "room": "Sala-1", "user": "josé",
            "text": "<b>\"hola\"\n\u{2028}", "at": "1970-01-01T00:00:00.000Z", "seq": 7});
        assert_eq!(json, want);
    }

    proptest! {
        #[test]
        fn no_frame_makes_the_parser_fall(text in ".{0,80}") {
            let _ = Request::parse(&text);
        }
    }
}
