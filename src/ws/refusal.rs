//! Requests on a socket that are not carried out, and why.

use std::time::Duration;

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
}

impl Refusal {
    pub(super) fn new(code: Code) -> Self {
        Self { code, detail: None, retry: None }
    }

    pub(super) fn because(code: Code, why: Text) -> Self {
        Self { code, detail: Some(Detail::Text(why)), retry: None }
    }

    pub(super) fn wait(retry: Duration) -> Self {
        Self { code: Code::RateLimited, detail: None, retry: Some(retry) }
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
