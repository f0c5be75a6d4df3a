//! Requests on a socket that are not carried out, and why.

use std::time::Duration;

use crate::types::crypto::random;
use crate::types::{Lang, RoomCodeError, RoomPasswordError, Text, TextError};

use super::wire::Code;

/// What exactly was wrong.
pub(super) enum Detail {
    Text(Text),
    /// The parser's words, for whoever writes a client; a person who uses the page never meets them.
    Parser(String),
}

impl Detail {
    pub(super) fn pick(&self, lang: Lang) -> &str {
        match self {
            Self::Text(text) => text.pick(lang),
            Self::Parser(words) => words,
        }
    }
}

/// A request that was not carried out.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) detail: Option<Detail>,
    pub(super) retry: Option<Duration>,
    /// True if it counts towards the close for flooding.
    pub(super) counts: bool,
}

impl Refusal {
    pub(super) fn new(code: Code) -> Self {
        Self { code, detail: None, retry: None, counts: true }
    }

    pub(super) fn because(code: Code, why: Text) -> Self {
        Self { detail: Some(Detail::Text(why)), ..Self::new(code) }
    }

    pub(super) fn wait(retry: Duration) -> Self {
        Self { retry: Some(retry), ..Self::new(Code::RateLimited) }
    }

    /// For a page that comes back with all its rooms at once: up to half of the wait more, at random, so that tabs do not come
    /// back together; never a reason to close.
    pub(super) fn wait_to_enter(retry: Duration) -> Self {
        let [scatter] = random::<1>();
        let retry = retry + retry * u32::from(scatter) / 512;
        Self { counts: false, ..Self::wait(retry) }
    }
}

impl From<RoomCodeError> for Refusal {
    fn from(error: RoomCodeError) -> Self {
        let code = match error {
            RoomCodeError::TooLong => Code::TooLong,
            RoomCodeError::BadCharacter => Code::BadRequest,
        };
        Self::because(code, error.text())
    }
}

impl From<RoomPasswordError> for Refusal {
    fn from(error: RoomPasswordError) -> Self {
        let code = match error {
            RoomPasswordError::TooLong => Code::TooLong,
            RoomPasswordError::TooShort => Code::BadRequest,
        };
        Self::because(code, error.text())
    }
}

impl From<TextError> for Refusal {
    fn from(error: TextError) -> Self {
        let code = match error {
            TextError::TooLong { .. } => Code::TooLong,
            TextError::Blank => Code::BadRequest,
        };
        Self::because(code, error.text())
    }
}
