//! The caller's own sessions, as JSON.

use std::net::IpAddr;

use http::{Response, StatusCode};
use serde::Serialize;

use crate::accounts::{EndedOwn, OwnSession};
use crate::http::request::auth::SignedIn;
use crate::http::response::body::Body;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;

use super::session::clear_session_cookie;
use super::{json, no_content};

type Result = std::result::Result<Response<Body>, Problem>;

#[derive(Serialize)]
struct OwnSessionDto<'a> {
    id: String,
    current: bool,
    created_at: String,
    used_at: String,
    addr: Option<IpAddr>,
    agent: &'a str,
    remember: bool,
}

impl<'a> From<&'a OwnSession> for OwnSessionDto<'a> {
    fn from(own: &'a OwnSession) -> Self {
        let origin = &own.session.origin;
        Self {
            id: own.session.public_id(),
            current: own.is_current,
            created_at: own.created_at.to_string(),
            used_at: own.used_at.to_string(),
            addr: origin.addr,
            agent: origin.agent.as_str(),
            remember: origin.remember,
        }
    }
}

pub(super) async fn list(call: RoutedRequest, who: SignedIn) -> Result {
    let own = call.app.accounts.own_sessions(who.session());
    Ok(json(StatusCode::OK, &own.iter().map(OwnSessionDto::from).collect::<Vec<_>>()))
}

/// Ends one of the caller's own sessions. Those of others do not exist for the caller.
pub(super) async fn end(call: RoutedRequest, who: SignedIn) -> Result {
    let ended = call.app.accounts.end_own_session(who.session(), &call.param, call.addr).await?;
    let mut response = no_content();
    match ended {
        Some(EndedOwn::Current) => clear_session_cookie(&mut response, call.context.cookies),
        Some(EndedOwn::Other) => {}
        None => return Err(Problem::new(ProblemCode::NotFound)),
    }
    Ok(response)
}
