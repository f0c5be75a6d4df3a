//! Domain value types: validated on construction.

mod announcement;
mod claim;
mod crockford;
pub mod crypto;
mod emoji;
mod grouped_code;
mod host_port;
mod lang;
mod one_time;
mod position;
mod role;
mod room;
mod text;
pub mod texts;
pub mod token_bucket;
mod user;
mod user_agent;
mod wiped_str;

pub use announcement::{AnnouncementId, MAX_ANNOUNCEMENT_CHARS};
pub use claim::{ClaimCode, ClaimCodeError, ClaimKind};
pub use emoji::{Emoji, NotAnEmoji};
pub use host_port::{Host, HostPort, WebOrigin, base_url};
pub use lang::Lang;
pub use one_time::OneTimePassword;
pub use position::PositionKey;
pub use role::{Role, UnknownRole};
pub use room::{RoomCode, RoomCodeError, RoomKind, RoomLabel, RoomPassword, RoomPasswordError};
pub use text::{MAX_TEXT_CHARS, MessageText, TextError, is_bidi_control, printable, printable_lines};
pub use user::{Person, UserId, UserName, UserNameError};
pub use user_agent::{MAX_AGENT_CHARS, UserAgent};
pub use wiped_str::ZeroizingCow;
