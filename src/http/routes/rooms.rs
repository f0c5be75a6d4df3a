//! The lobby.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::audit::Event;
use crate::http::request::auth::SignedIn;
use crate::http::response::body::Body;
use crate::http::response::problem::Problem;
use crate::http::router::RoutedRequest;
use crate::types::RoomKind;

use super::json;

#[derive(Serialize)]
struct Row {
    room: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    members: usize,
}

/// Lists group rooms; administrators see all codes.
pub(super) async fn list(call: RoutedRequest, who: SignedIn) -> Result<Response<Body>, Problem> {
    let rows = call.app.sockets.hub.lobby(who.is_admin());
    let private = rows.iter().filter(|row| row.kind == RoomKind::Private).count() as u64;
    let session = who.session();
    if private > 0 && session.sees_codes_first() {
        let (user, session) = (session.person.name.clone(), session.short_id());
        call.app.audit.record(Event::RoomCodesSeen { user, addr: call.addr, session, count: private }).await;
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|r| Row {
            room: r.code.to_string(),
            kind: r.kind.as_str(),
            label: r.label.map(|label| label.as_str().to_owned()),
            members: r.members,
        })
        .collect();
    Ok(json(StatusCode::OK, &rows))
}
