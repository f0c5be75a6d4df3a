//! Invitations to rooms.

use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::audit::Event;
use crate::chat::{InvitationTerms, InviteError, MAX_INVITATIONS};
use crate::clock::Now;
use crate::http::request::auth::SignedIn;
use crate::http::response::body::Body;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::response::qr_svg::qr_svg;
use crate::http::router::RoutedRequest;
use crate::types::RoomCode;
use crate::types::texts::key;

use super::json;
use super::session::read_json;

/// Start of an invitation's address. What follows a `#` stays in the browser.
const INVITATION_PATH: &str = "/chat#invitacion=";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    hours: u64,
    uses: u64,
}

#[derive(Serialize)]
struct InvitationDto<'a> {
    invite: &'a str,
    url: &'a str,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
}

impl From<InviteError> for Problem {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::UnknownRoom => {
                Self::new(ProblemCode::NotFound).saying(key::PROBLEM_UNKNOWN_ROOM, Vec::new())
            }
            InviteError::NotMember => {
                Self::new(ProblemCode::Forbidden).saying(key::PROBLEM_NOT_MEMBER, Vec::new())
            }
            InviteError::TooMany => Self::new(ProblemCode::Conflict)
                .saying(key::PROBLEM_INVITATIONS, vec![("max", MAX_INVITATIONS.to_string())]),
        }
    }
}

/// Makes an invitation to a room of the caller's session. It counts as a join for the limits, so that codes
/// of rooms are not probed faster here than by joining.
pub(super) async fn make(call: RoutedRequest, who: SignedIn) -> Result<Response<Body>, Problem> {
    let RoutedRequest { app, request, addr, context, param, .. } = call;
    let NewInvitation { hours, uses } = read_json(request).await?;
    let terms = InvitationTerms::new(hours, uses)
        .ok_or_else(|| Problem::new(ProblemCode::BadRequest).about("hours, uses"))?;
    let session = who.session();
    app.rates.join(session.person.id)?;
    let room: RoomCode = param.parse().map_err(|_| Problem::from(InviteError::UnknownRoom))?;
    let now = Now::read(&*app.clock);
    let token = app.sockets.hub.invite(&room, &session.digest, terms, now)?;
    let user = session.person.name.clone();
    app.audit.record(Event::RoomInvitationMade { user, addr, room, hours, uses }).await;
    let invite = token.reveal();
    let url = format!("{INVITATION_PATH}{invite}");
    let scheme = if context.secure { "https" } else { "http" };
    let qr = context.authority.and_then(|site| qr_svg(&format!("{scheme}://{site}{url}")));
    let expires_at = now.wall.plus(terms.life()).to_string();
    Ok(json(StatusCode::CREATED, &InvitationDto { invite: &invite, url: &url, expires_at, qr }))
}
