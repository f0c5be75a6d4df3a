//! Limits that a client must know before it tries.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::http::AppState;
use crate::http::request::auth::SignedIn;
use crate::http::response::body::Body;
use crate::http::response::problem::Problem;
use crate::http::router::RoutedRequest;
use crate::types::RoomCode;

use super::json;

/// Limits in force.
#[derive(Serialize)]
pub(super) struct Limits {
    file_bytes: u64,
    user_bytes: u64,
    user_files: u64,
    message_chars: usize,
    room_code_chars: usize,
    rooms_per_user: usize,
    rooms_per_socket: usize,
    room_members: usize,
    sockets_per_session: usize,
    /// Minutes for which messages outlive the last socket in their room.
    wipe_minutes: u64,
    requests: Rate,
    messages: Rate,
    joins: Rate,
    uploads: Rate,
    downloads: Rate,
    deletes: Rate,
}

#[derive(Serialize)]
struct Rate {
    per_minute: u32,
    burst: u32,
}

impl Limits {
    pub(super) fn of(app: &AppState) -> Self {
        let config = app.config.get();
        let (files, limits) = (&config.files, &config.limits);
        let rate = |per_minute, burst| Rate { per_minute, burst };
        Self {
            file_bytes: files.max_file,
            user_bytes: files.user_total(),
            user_files: files.user_count(limits.files),
            message_chars: limits.message_chars,
            room_code_chars: RoomCode::MAX,
            rooms_per_user: limits.rooms_per_user,
            rooms_per_socket: limits.rooms_per_socket,
            room_members: limits.room_members,
            sockets_per_session: limits.sockets_per_session,
            wipe_minutes: config.chat.wipe.as_secs() / 60,
            requests: rate(limits.requests_per_minute, limits.request_burst),
            messages: rate(limits.messages_per_minute, limits.message_burst),
            joins: rate(limits.joins_per_minute, limits.joins_per_minute),
            uploads: rate(limits.uploads_per_minute, limits.upload_burst),
            downloads: rate(limits.downloads_per_minute, limits.download_burst),
            deletes: rate(limits.deletes_per_minute, limits.delete_burst),
        }
    }
}

/// Shows the limits in force; they are the same for all people.
pub(super) async fn show(call: RoutedRequest, _: SignedIn) -> Result<Response<Body>, Problem> {
    Ok(json(StatusCode::OK, &Limits::of(&call.app)))
}
