//! Requests of a client over a socket, parsed strictly (`docs/API.md`).

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IntoDeserializer};

use crate::chat::Seq;
use crate::types::{RoomKind, ZeroizingCow};

/// Maximum number of characters of a `ref`.
const MAX_REF: usize = 32;
/// Maximum number of characters of a parser's error. serde's longest sentence about these types has under 100.
pub(super) const MAX_ERROR_CHARS: usize = 200;

/// `ref` of a request, returned with its answer.
pub type Ref<'a> = Option<ZeroizingCow<'a>>;

/// Request of a client.
pub enum Request<'a> {
    /// Joins a room, or creates it if the code is free.
    Join {
        /// Returned with the answer.
        r#ref: Ref<'a>,
        /// Code of the room.
        room: ZeroizingCow<'a>,
        /// Password as typed.
        password: ZeroizingCow<'a>,
        /// Kind of a room to create; an existing room keeps its own.
        kind: RoomKind,
    },
    /// Publishes a message.
    Send {
        /// Returned with the answer.
        r#ref: Ref<'a>,
        /// Code of the room.
        room: ZeroizingCow<'a>,
        /// Text as typed.
        text: ZeroizingCow<'a>,
    },
    /// Leaves a room.
    Leave {
        /// Returned with the answer.
        r#ref: Ref<'a>,
        /// Code of the room.
        room: ZeroizingCow<'a>,
    },
    /// Takes a seat again after a lost connection.
    Resume {
        /// Returned with the answer.
        r#ref: Ref<'a>,
        /// Code of the room.
        room: ZeroizingCow<'a>,
        /// Token from `joined`.
        resume: ZeroizingCow<'a>,
        /// Number of the last message seen.
        since: Seq,
    },
    /// Reports typing; there is no answer.
    Typing {
        /// Code of the room.
        room: ZeroizingCow<'a>,
    },
}

impl<'a> Request<'a> {
    /// Parses a frame.
    ///
    /// # Errors
    /// A text without values, and the `ref` if one can be read.
    pub fn parse(text: &'a str) -> Result<Self, (Option<String>, String)> {
        let request = serde_json::from_str::<RawRequest<'a>>(text).and_then(RawRequest::request).map_err(|error| {
            let fields = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let found = fields.get("ref").and_then(|r| r.as_str()).filter(|r| is_valid_ref(r)).map(str::to_owned);
            (found, describe_error(&error))
        })?;
        // serde would also accept the values alone, as an array.
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err((None, "not a JSON object".to_owned()));
        }
        match request.reference() {
            Some(long) if !is_valid_ref(long) => Err((None, format!("`ref` has at most {MAX_REF} characters"))),
            _ => Ok(request),
        }
    }

    /// Returns the `ref` that the answer carries.
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

/// Fields of all requests together. serde's own dispatch on `type` would first copy every value to the heap.
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

/// Deserializes a field that is present: `null` is a value only where the type allows it.
fn deserialize_some<'a, T: Deserialize<'a>, D: Deserializer<'a>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl Kind {
    /// Returns the names of the fields.
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

/// Parses one of several words. JSON has no enums, and serde_json would also accept an object.
fn parse_enum<'a, T: Deserialize<'a>>(said: &'a str) -> Result<T, serde_json::Error> {
    T::deserialize(IntoDeserializer::<serde_json::Error>::into_deserializer(said))
}

fn require<T>(field: Option<T>, name: &'static str) -> Result<T, serde_json::Error> {
    field.ok_or_else(|| serde_json::Error::missing_field(name))
}

fn is_valid_ref(reference: &str) -> bool {
    reference.chars().nth(MAX_REF).is_none()
}

/// Returns serde's error without values: a value may be a password.
fn describe_error(error: &serde_json::Error) -> String {
    let mut words = expected_values(error);
    // The name of an unknown field is quoted, and a client may choose a long one.
    if let Some((at, _)) = words.char_indices().nth(MAX_ERROR_CHARS) {
        words.truncate(at);
    }
    words
}

fn expected_values(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        // "invalid type: string \"secret\", expected u64": the found value is left out. It may hold ", expected " itself, so
        // the last one counts.
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
    fn bad_request_keeps_its_ref_and_quotes_no_value() {
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
    fn field_of_other_request_or_null_is_refused() {
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
        fn parser_never_panics(text in ".{0,80}") {
            let _ = Request::parse(&text);
        }
    }
}
