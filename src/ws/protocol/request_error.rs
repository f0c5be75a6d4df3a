//! Errors of requests on a socket.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::chat::MAX_REACTIONS;
use crate::config::Config;
use crate::types::crypto::random;
use crate::types::texts::{Key, key};
use crate::types::{Lang, RoomCodeError, RoomPasswordError, TextError};

use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::request::RequestFault;

/// Detail of an error.
pub(crate) enum Detail {
    Text(Key),
    /// Text with figures.
    Figures(Key, Vec<(&'static str, u64)>),
    /// Parser's error, for developers of clients; the page never causes one.
    Parser(String),
}

impl Detail {
    pub(crate) fn get(&self, lang: Lang) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.get(lang).into(),
            Self::Figures(text, figures) => {
                let values: Vec<(_, &dyn fmt::Display)> =
                    figures.iter().map(|(name, figure)| (*name, figure as _)).collect();
                text.fill(lang, &values).into()
            }
            Self::Parser(words) => words.into(),
        }
    }
}

/// Limit on rooms that was reached, by its key in `[limits]`: per user, per server, or per session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum RoomLimit {
    #[serde(rename = "rooms_per_user")]
    Person,
    #[serde(rename = "rooms")]
    Server,
    #[serde(rename = "rooms_per_socket")]
    Session,
}

impl RoomLimit {
    /// Returns the limit and the remedy as text for users.
    fn detail(self, config: &Config) -> Detail {
        let limits = &config.limits;
        let (text, most) = match self {
            Self::Person => (key::PROBLEM_OWN_ROOMS, limits.rooms_per_user),
            Self::Server => (key::PROBLEM_ALL_ROOMS, limits.rooms),
            Self::Session => (key::PROBLEM_JOINED_ROOMS, limits.rooms_per_socket),
        };
        Detail::Figures(text, vec![("max", most as u64)])
    }
}

/// Refusal of a request.
pub(crate) struct RequestError {
    pub(crate) code: ErrorCode,
    pub(crate) detail: Option<Detail>,
    pub(crate) retry: Option<Duration>,
    /// Limit on rooms that was reached.
    pub(crate) limit: Option<RoomLimit>,
    /// True if it counts towards the close for flooding.
    pub(crate) counts: bool,
}

impl RequestError {
    pub(crate) fn new(code: ErrorCode) -> Self {
        Self { code, detail: None, retry: None, limit: None, counts: true }
    }

    pub(crate) fn with_detail(code: ErrorCode, why: Key) -> Self {
        Self { detail: Some(Detail::Text(why)), ..Self::new(code) }
    }

    /// Returns the error for too many rooms, with the figure of `limit` in `config`.
    pub(crate) fn too_many_rooms(limit: RoomLimit, config: &Config) -> Self {
        Self { detail: Some(limit.detail(config)), limit: Some(limit), ..Self::new(ErrorCode::TooManyRooms) }
    }

    /// Returns the error for one emoji too many at a message.
    pub(crate) fn too_many_reactions() -> Self {
        let detail = Detail::Figures(key::MESSAGE_REACTIONS_FULL, vec![("max", MAX_REACTIONS as u64)]);
        Self { detail: Some(detail), ..Self::new(ErrorCode::BadRequest) }
    }

    pub(crate) fn rate_limited(retry: Duration) -> Self {
        Self { retry: Some(retry), ..Self::new(ErrorCode::RateLimited) }
    }

    /// Returns the error for a page that rejoins all its rooms at once. Adds up to half of the wait at
    /// random, so that tabs do not come back together. Never counts as flooding.
    pub(crate) fn rate_limited_enter(retry: Duration) -> Self {
        let [scatter] = random::<1>();
        let retry = retry + retry * u32::from(scatter) / 512;
        Self { counts: false, ..Self::rate_limited(retry) }
    }
}

impl From<RequestFault> for RequestError {
    fn from(fault: RequestFault) -> Self {
        match fault {
            RequestFault::Malformed(text) => {
                Self { detail: Some(Detail::Parser(text)), ..Self::new(ErrorCode::BadRequest) }
            }
            RequestFault::Room(error) => error.into(),
        }
    }
}

impl From<RoomCodeError> for RequestError {
    fn from(error: RoomCodeError) -> Self {
        let code = match error {
            RoomCodeError::TooLong => ErrorCode::TooLong,
            RoomCodeError::BadCharacter => ErrorCode::BadRequest,
        };
        Self::with_detail(code, error.text())
    }
}

impl From<RoomPasswordError> for RequestError {
    fn from(error: RoomPasswordError) -> Self {
        let code = match error {
            RoomPasswordError::TooLong => ErrorCode::TooLong,
            RoomPasswordError::TooShort => ErrorCode::BadRequest,
        };
        Self::with_detail(code, error.text())
    }
}

impl From<TextError> for RequestError {
    fn from(error: TextError) -> Self {
        let code = match error {
            TextError::TooLong { .. } => ErrorCode::TooLong,
            TextError::Blank => ErrorCode::BadRequest,
        };
        Self::with_detail(code, error.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(limit: RoomLimit, config: &Config) -> [String; 2] {
        let refusal = RequestError::too_many_rooms(limit, config);
        [Lang::Es, Lang::En].map(|lang| refusal.detail.as_ref().expect("a detail").get(lang).into_owned())
    }

    #[test]
    fn too_many_rooms_names_limit_and_remedy() {
        let config = Config::defaults();
        for (limit, figure) in
            [(RoomLimit::Person, "16"), (RoomLimit::Server, "256"), (RoomLimit::Session, "16")]
        {
            assert!(details(limit, &config).iter().all(|detail| detail.contains(figure)), "{limit:?}");
        }
    }
}
