//! What a client sends over a socket, read strictly (`docs/API.md`).

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IntoDeserializer};

use crate::chat::Seq;
use crate::types::{RoomKind, ZeroizingCow};

/// Characters of a `ref`.
const MAX_REF: usize = 32;
/// Characters of what is told about a frame that is no request: the longest of serde's own sentences about ours has under 100.
pub(super) const MAX_ERROR_CHARS: usize = 200;

/// A `ref` that came with a request and goes with its answer.
pub type Ref<'a> = Option<ZeroizingCow<'a>>;

/// What a client sends.
pub enum Request<'a> {
    /// Wants to be in a room, and makes it where the code is free.
    Join {
        /// Comes back with the answer.
        r#ref: Ref<'a>,
        /// The code as typed.
        room: ZeroizingCow<'a>,
        /// The password as typed.
        password: ZeroizingCow<'a>,
        /// Of the room to make; one that exists keeps its own.
        kind: RoomKind,
    },
    /// Says something.
    Send {
        /// Comes back with the answer.
        r#ref: Ref<'a>,
        /// Where.
        room: ZeroizingCow<'a>,
        /// The text as typed.
        text: ZeroizingCow<'a>,
    },
    /// Gives a place up.
    Leave {
        /// Comes back with the answer.
        r#ref: Ref<'a>,
        /// Which.
        room: ZeroizingCow<'a>,
    },
    /// Takes a place again after a lost connection.
    Resume {
        /// Comes back with the answer.
        r#ref: Ref<'a>,
        /// Where.
        room: ZeroizingCow<'a>,
        /// The token that `joined` gave.
        resume: ZeroizingCow<'a>,
        /// The last message that was seen.
        since: Seq,
    },
    /// Is typing; there is no answer.
    Typing {
        /// Where.
        room: ZeroizingCow<'a>,
    },
}

impl<'a> Request<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong, in words without values, with the `ref` where one can be read.
    pub fn parse(text: &'a str) -> Result<Self, (Option<String>, String)> {
        let request = serde_json::from_str::<RawRequest<'a>>(text).and_then(RawRequest::request).map_err(|error| {
            let fields = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let found = fields.get("ref").and_then(|r| r.as_str()).filter(|r| is_valid_ref(r)).map(str::to_owned);
            (found, describe_error(&error))
        })?;
        // serde would also take the values alone, as an array.
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err((None, "not a JSON object".to_owned()));
        }
        match request.reference() {
            Some(long) if !is_valid_ref(long) => Err((None, format!("`ref` has at most {MAX_REF} characters"))),
            _ => Ok(request),
        }
    }

    /// The `ref` that comes back with the answer.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Join { r#ref, .. } | Self::Send { r#ref, .. } | Self::Leave { r#ref, .. } | Self::Resume { r#ref, .. } => {
                r#ref.as_deref()
            }
            Self::Typing { .. } => None,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Join,
    Send,
    Leave,
    Resume,
    Typing,
}

/// The fields of all requests together: serde's own way from `type` to the fields puts every value aside in memory of its own first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest<'a> {
    #[serde(borrow)]
    r#type: ZeroizingCow<'a>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    r#ref: Option<Ref<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    room: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    password: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    kind: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    text: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    resume: Option<ZeroizingCow<'a>>,
    #[serde(default, deserialize_with = "deserialize_some")]
    since: Option<Seq>,
}

/// A field that is there has its value, which `null` is only where it is one of them.
fn deserialize_some<'a, T: Deserialize<'a>, D: Deserializer<'a>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl Kind {
    /// The names of its fields.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Join => &["ref", "room", "password", "kind"],
            Self::Send => &["ref", "room", "text"],
            Self::Leave => &["ref", "room"],
            Self::Resume => &["ref", "room", "resume", "since"],
            Self::Typing => &["room"],
        }
    }
}

impl<'a> RawRequest<'a> {
    fn request(self) -> Result<Request<'a>, serde_json::Error> {
        let Self { r#type, r#ref, room, password, kind, text, resume, since } = self;
        let there = [
            ("ref", r#ref.is_some()),
            ("room", room.is_some()),
            ("password", password.is_some()),
            ("kind", kind.is_some()),
            ("text", text.is_some()),
            ("resume", resume.is_some()),
            ("since", since.is_some()),
        ];
        let of: Kind = parse_enum(&r#type)?;
        let known = of.fields();
        if let Some((name, _)) = there.iter().find(|(name, there)| *there && !known.contains(name)) {
            return Err(serde_json::Error::unknown_field(name, known));
        }
        let (r#ref, room) = (r#ref.flatten(), require(room, "room")?);
        Ok(match of {
            Kind::Join => Request::Join {
                r#ref,
                room,
                password: require(password, "password")?,
                kind: parse_enum(&require(kind, "kind")?)?,
            },
            Kind::Send => Request::Send { r#ref, room, text: require(text, "text")? },
            Kind::Leave => Request::Leave { r#ref, room },
            Kind::Resume => Request::Resume { r#ref, room, resume: require(resume, "resume")?, since: require(since, "since")? },
            Kind::Typing => Request::Typing { room },
        })
    }
}

/// One of a few words. JSON has no such thing, and serde_json also takes it as an object.
fn parse_enum<'a, T: Deserialize<'a>>(said: &'a str) -> Result<T, serde_json::Error> {
    T::deserialize(IntoDeserializer::<serde_json::Error>::into_deserializer(said))
}

fn require<T>(field: Option<T>, name: &'static str) -> Result<T, serde_json::Error> {
    field.ok_or_else(|| serde_json::Error::missing_field(name))
}

fn is_valid_ref(reference: &str) -> bool {
    reference.chars().nth(MAX_REF).is_none()
}

/// serde's words, without values: a value may be a password.
fn describe_error(error: &serde_json::Error) -> String {
    let mut words = expected_values(error);
    // A name that nobody knows is quoted, and a client may choose a long one.
    if let Some((at, _)) = words.char_indices().nth(MAX_ERROR_CHARS) {
        words.truncate(at);
    }
    words
}

fn expected_values(error: &serde_json::Error) -> String {
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
            r#"{"type":0,"room":"a"}"#,
            r#"{"type":" typing","room":"a"}"#,
            r#"{"type":{"typing":null},"room":"a"}"#,
            r#"{"type":"join","room":"a","password":"1234","kind":{"group":null}}"#,
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
        assert_eq!(detail.chars().count(), MAX_ERROR_CHARS, "{detail}");
        let long = "x".repeat(33);
        assert_eq!(refused(&format!(r#"{{"type":"leave","ref":"{long}","room":"a"}}"#)).0, None);
        assert_eq!(refused(&format!(r#"{{"type":"nope","ref":"{long}"}}"#)).0, None);
    }

    #[test]
    fn a_field_is_of_its_own_kind_of_request_and_is_not_null() {
        let words = |text: &str| Request::parse(text).err().expect("is refused").1;
        assert!(words(r#"{"type":"typing","ref":null,"room":"a"}"#).starts_with("unknown field `ref`, expected `room`"));
        assert!(words(r#"{"type":"send","room":"a","text":"x","since":1}"#).starts_with("unknown field `since`"));
        assert_eq!(words(r#"{"type":"send","room":"a"}"#), "missing field `text`");
        assert!(words(r#"{"type":"leave","room":null}"#).contains("expected a string"));
        assert!(words(r#"{"type":"leave","room":"a","text":null}"#).contains("expected a string"));
        assert!(words(r#"{"type":"leave","room":"a","room":"b"}"#).starts_with("duplicate field `room`"));
    }

    proptest! {
        #[test]
        fn no_frame_makes_the_parser_fall(text in ".{0,80}") {
            let _ = Request::parse(&text);
        }
    }
}
