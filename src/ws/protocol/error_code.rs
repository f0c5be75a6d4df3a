//! Error codes of requests, with their texts.

use crate::types::texts::{Key, key};

/// Stable error codes of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    BadRequest,
    UnknownRoom,
    RoomExists,
    WrongPassword,
    NotMember,
    NotModerator,
    RateLimited,
    TooLong,
    RoomFull,
    TooManyRooms,
    Gone,
    NotYours,
    InviteOver,
}

impl ErrorCode {
    /// Returns the code as sent.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownRoom => "unknown_room",
            Self::RoomExists => "room_exists",
            Self::WrongPassword => "wrong_password",
            Self::NotMember => "not_member",
            Self::NotModerator => "not_moderator",
            Self::RateLimited => "rate_limited",
            Self::TooLong => "too_long",
            Self::RoomFull => "room_full",
            Self::TooManyRooms => "too_many_rooms",
            Self::Gone => "gone",
            Self::NotYours => "not_yours",
            Self::InviteOver => "invite_over",
        }
    }

    pub(crate) const fn text(self) -> Key {
        match self {
            Self::BadRequest => key::PROBLEM_FRAME,
            Self::UnknownRoom => key::PROBLEM_UNKNOWN_ROOM,
            Self::RoomExists => key::PROBLEM_ROOM_EXISTS,
            Self::WrongPassword => key::PROBLEM_ROOM_PASSWORD,
            Self::NotMember => key::PROBLEM_NOT_MEMBER,
            Self::NotModerator => key::PROBLEM_NOT_MODERATOR,
            Self::RateLimited => key::PROBLEM_RATE_LIMITED,
            Self::TooLong => key::PROBLEM_TOO_LONG,
            Self::RoomFull => key::PROBLEM_ROOM_FULL,
            Self::TooManyRooms => key::PROBLEM_ROOMS_FULL,
            Self::Gone => key::PROBLEM_MESSAGE_GONE,
            Self::NotYours => key::PROBLEM_NOT_YOURS,
            Self::InviteOver => key::PROBLEM_INVITE_OVER,
        }
    }
}
