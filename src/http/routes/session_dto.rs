//! A session as the API shows it.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::accounts::Session;
use crate::http::AppState;
use crate::http::response::body::Body;

use super::json;

/// A session as its person may see it.
#[derive(Serialize)]
pub(super) struct SessionDto<'a> {
    username: &'a str,
    role: &'a str,
    expires_at: String,
    remember: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    must_change_password: bool,
}

impl<'a> SessionDto<'a> {
    pub(super) fn new(app: &AppState, session: &'a Session) -> Self {
        Self {
            username: session.person.name.as_str(),
            role: session.role.as_str(),
            expires_at: app.accounts.expires_at(session).to_string(),
            remember: session.origin.remember,
            must_change_password: session.must_change(),
        }
    }
}

pub(super) fn session_dto(app: &AppState, session: &Session) -> Response<Body> {
    json(StatusCode::OK, &SessionDto::new(app, session))
}
