//! Requests of a client over a socket, parsed strictly (`docs/API.md`).

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IntoDeserializer};

use crate::chat::Seq;
use crate::types::{AnnouncementId, RoomCode, RoomCodeError, RoomKind, ZeroizingCow};

use crate::ws::protocol::request_fields::{FIELDS, field_bits};

/// Maximum number of characters of a `ref`.
const MAX_REF: usize = 32;
/// Maximum number of characters of a parser's error. serde's longest sentence about these types has under
/// 100.
pub(crate) const MAX_ERROR_CHARS: usize = 200;

/// `ref` of a request, returned with its answer.
pub type Ref<'a> = Option<ZeroizingCow<'a>>;

/// Request of a client.
pub struct Request<'a> {
    /// Returned with the answer.
    pub reference: Ref<'a>,
    /// Operation of the request.
    pub operation: Operation<'a>,
}

/// Operation of a request, by its `type`.
pub enum Operation<'a> {
    /// Acts on a room.
    InRoom(RoomCode, Action<'a>),
    /// Joins a room by an invitation, whose token is given as sent.
    JoinByInvitation(ZeroizingCow<'a>),
    /// Acknowledges an announcement; there is no answer.
    Acknowledge(AnnouncementId),
}

/// Operation on a room, by the `type` of the request.
pub enum Action<'a> {
    /// Joins the room, or creates it.
    Join {
        /// Password as typed.
        password: ZeroizingCow<'a>,
        /// Kind of a room to create; an existing room keeps its own.
        kind: RoomKind,
        /// Name of a room to create.
        label: Option<ZeroizingCow<'a>>,
        /// True only creates, false only joins; without it the room is created if the code is free.
        create: Option<bool>,
    },
    /// Enters a room of which the session is a member with this socket.
    Enter {
        /// Number of the last message seen.
        since: Seq,
    },
    /// Publishes a message.
    Send {
        /// Text as typed.
        text: ZeroizingCow<'a>,
        /// Number of the message that it answers.
        reply: Option<Seq>,
    },
    /// Replaces the text of a message.
    Edit {
        /// Its number.
        seq: Seq,
        /// New text as typed.
        text: ZeroizingCow<'a>,
    },
    /// Removes a message.
    Remove {
        /// Its number.
        seq: Seq,
    },
    /// Adds a reaction to a message, or takes it back.
    React {
        /// Number of the message.
        seq: Seq,
        /// Emoji as sent.
        emoji: ZeroizingCow<'a>,
    },
    /// Leaves the room.
    Leave,
    /// Reports the last message that the person has read; there is no answer.
    Read {
        /// Its number.
        seq: Seq,
    },
    /// Ends the room.
    End,
    /// Reports typing; there is no answer.
    Typing,
}

/// Frame that is not a request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{fault}")]
pub struct InvalidRequest {
    /// `ref` for the answer, if one can be read.
    pub reference: Option<String>,
    /// Reason of the refusal.
    pub fault: RequestFault,
}

/// Reason for which a frame is not a request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestFault {
    /// It is not JSON, or its fields are not those of a request. The text quotes no values.
    #[error("{0}")]
    Malformed(String),
    /// Its room code is invalid.
    #[error(transparent)]
    Room(#[from] RoomCodeError),
}

impl From<serde_json::Error> for RequestFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(describe_error(&error))
    }
}

impl<'a> Request<'a> {
    /// Parses a frame.
    ///
    /// # Errors
    /// Fails if the frame is not JSON, has not exactly the fields of its `type`, or names an invalid room
    /// or announcement.
    pub fn parse(text: &'a str) -> Result<Self, InvalidRequest> {
        Self::from_json(text).map_err(|fault| InvalidRequest { reference: find_ref(text), fault })
    }

    fn from_json(text: &'a str) -> Result<Self, RequestFault> {
        let RawParts { reference, operation } = serde_json::from_str::<RawRequest<'a>>(text)?.into_parts()?;
        // serde would also accept the values alone, as an array.
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err(RequestFault::Malformed("not a JSON object".to_owned()));
        }
        if reference.as_deref().is_some_and(|reference| !is_valid_ref(reference)) {
            return Err(RequestFault::Malformed(format!("`ref` has at most {MAX_REF} characters")));
        }
        let operation = match operation {
            RawOperation::InRoom(room, action) => Operation::InRoom(room.parse()?, action),
            RawOperation::JoinByInvitation(token) => Operation::JoinByInvitation(token),
            RawOperation::Acknowledge(id) => Operation::Acknowledge(
                AnnouncementId::parse(&id)
                    .ok_or_else(|| RequestFault::Malformed("`id` has only digits".to_owned()))?,
            ),
        };
        Ok(Self { reference, operation })
    }
}

/// Returns the `ref` of a frame that is not a request.
fn find_ref(text: &str) -> Option<String> {
    let fields = serde_json::from_str::<serde_json::Value>(text).ok()?;
    fields.get("ref")?.as_str().filter(|reference| is_valid_ref(reference)).map(str::to_owned)
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RequestType {
    Join,
    /// Named `join` too; the field `invite` tells it apart.
    #[serde(skip)]
    JoinByInvitation,
    Enter,
    Send,
    Edit,
    Remove,
    React,
    Leave,
    Read,
    Moderate,
    Typing,
    Acknowledge,
}

/// Value of `do` in `moderate`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Moderation {
    End,
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
    label: Option<ZeroizingCow<'a>>,
    #[serde(default, deserialize_with = "deserialize_some")]
    create: Option<bool>,
    #[serde(default, deserialize_with = "deserialize_some")]
    since: Option<Seq>,
    #[serde(default, deserialize_with = "deserialize_some")]
    seq: Option<Seq>,
    #[serde(default, deserialize_with = "deserialize_some")]
    reply: Option<Seq>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    emoji: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    r#do: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    id: Option<ZeroizingCow<'a>>,
    #[serde(borrow, default, deserialize_with = "deserialize_some")]
    invite: Option<ZeroizingCow<'a>>,
}

/// Deserializes a field that is present: `null` is a value only where the type allows it.
fn deserialize_some<'a, T: Deserialize<'a>, D: Deserializer<'a>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl RequestType {
    const ALL: [Self; 12] = [
        Self::Join,
        Self::JoinByInvitation,
        Self::Enter,
        Self::Send,
        Self::Edit,
        Self::Remove,
        Self::React,
        Self::Leave,
        Self::Read,
        Self::Moderate,
        Self::Typing,
        Self::Acknowledge,
    ];
    /// Bits of the fields of each type.
    const FIELD_BITS: [u32; Self::ALL.len()] = {
        let (mut bits, mut at) = ([0; Self::ALL.len()], 0);
        while at < bits.len() {
            bits[Self::ALL[at] as usize] = field_bits(Self::ALL[at].fields());
            at += 1;
        }
        bits
    };

    /// Returns the names of the fields besides `type`.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Join => &["ref", "room", "password", "kind", "label", "create"],
            Self::JoinByInvitation => &["ref", "invite"],
            Self::Enter => &["ref", "room", "since"],
            Self::Send => &["ref", "room", "text", "reply"],
            Self::Edit => &["ref", "room", "seq", "text"],
            Self::Remove => &["ref", "room", "seq"],
            Self::React => &["ref", "room", "seq", "emoji"],
            Self::Leave => &["ref", "room"],
            Self::Read => &["room", "seq"],
            Self::Moderate => &["ref", "room", "do"],
            Self::Typing => &["room"],
            Self::Acknowledge => &["id"],
        }
    }
}

/// Request whose `ref` and names are not checked yet.
struct RawParts<'a> {
    reference: Ref<'a>,
    operation: RawOperation<'a>,
}

/// Operation whose room code or id is not checked yet.
enum RawOperation<'a> {
    InRoom(ZeroizingCow<'a>, Action<'a>),
    JoinByInvitation(ZeroizingCow<'a>),
    Acknowledge(ZeroizingCow<'a>),
}

impl<'a> RawRequest<'a> {
    fn into_parts(self) -> Result<RawParts<'a>, serde_json::Error> {
        let Self {
            r#type,
            r#ref,
            room,
            password,
            kind,
            text,
            label,
            create,
            since,
            seq,
            reply,
            emoji,
            r#do,
            id,
            invite,
        } = self;
        let present = [
            r#ref.is_some(),
            room.is_some(),
            password.is_some(),
            kind.is_some(),
            text.is_some(),
            label.is_some(),
            create.is_some(),
            since.is_some(),
            seq.is_some(),
            reply.is_some(),
            emoji.is_some(),
            r#do.is_some(),
            id.is_some(),
            invite.is_some(),
        ];
        let r#type = match parse_enum(&r#type)? {
            RequestType::Join if invite.is_some() => RequestType::JoinByInvitation,
            other => other,
        };
        let bits = present.iter().enumerate().fold(0, |bits, (at, is)| bits | u32::from(*is) << at);
        let unknown = bits & !RequestType::FIELD_BITS[r#type as usize];
        if let Some(name) = FIELDS.get(unknown.trailing_zeros() as usize) {
            return Err(serde_json::Error::unknown_field(name, r#type.fields()));
        }
        let reference = r#ref.flatten();
        let action = match r#type {
            RequestType::Join => Action::Join {
                password: require(password, "password")?,
                kind: parse_enum(&require(kind, "kind")?)?,
                label,
                create,
            },
            RequestType::Enter => Action::Enter { since: require(since, "since")? },
            RequestType::Send => Action::Send { text: require(text, "text")?, reply },
            RequestType::Edit => Action::Edit { seq: require(seq, "seq")?, text: require(text, "text")? },
            RequestType::Remove => Action::Remove { seq: require(seq, "seq")? },
            RequestType::React => {
                Action::React { seq: require(seq, "seq")?, emoji: require(emoji, "emoji")? }
            }
            RequestType::Leave => Action::Leave,
            RequestType::Read => Action::Read { seq: require(seq, "seq")? },
            RequestType::Moderate => match parse_enum(&require(r#do, "do")?)? {
                Moderation::End => Action::End,
            },
            RequestType::Typing => Action::Typing,
            RequestType::JoinByInvitation => {
                let operation = RawOperation::JoinByInvitation(require(invite, "invite")?);
                return Ok(RawParts { reference, operation });
            }
            RequestType::Acknowledge => {
                let operation = RawOperation::Acknowledge(require(id, "id")?);
                return Ok(RawParts { reference, operation });
            }
        };
        Ok(RawParts { reference, operation: RawOperation::InRoom(require(room, "room")?, action) })
    }
}

/// Parses one of several words. JSON has no enums, and serde_json would also accept an object.
fn parse_enum<'a, T: Deserialize<'a>>(word: &'a str) -> Result<T, serde_json::Error> {
    T::deserialize(IntoDeserializer::<serde_json::Error>::into_deserializer(word))
}

fn require<T>(field: Option<T>, name: &'static str) -> Result<T, serde_json::Error> {
    field.ok_or_else(|| serde_json::Error::missing_field(name))
}

fn is_valid_ref(reference: &str) -> bool {
    reference.chars().nth(MAX_REF).is_none()
}

/// Returns serde's error, limited in length and without values: a value may be a password.
fn describe_error(error: &serde_json::Error) -> String {
    let mut text = expected_values(error);
    // The name of an unknown field is quoted, and a client may choose a long one.
    if let Some((at, _)) = text.char_indices().nth(MAX_ERROR_CHARS) {
        text.truncate(at);
    }
    text
}

fn expected_values(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        // "invalid type: string \"secret\", expected u64": the found value is left out. It may hold ",
        // expected " itself, so the last one counts.
        match (text.split_once(": "), text.rsplit_once(", expected ")) {
            (Some((what, _)), Some((_, wanted))) => format!("{what}: expected {wanted}"),
            _ => text,
        }
    } else {
        format!("not JSON, at column {}", error.column())
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
