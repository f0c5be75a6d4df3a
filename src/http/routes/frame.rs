//! The frame of pages for a person who is signed in: its name, and facts that scripts need at once.

use serde::Serialize;

use crate::accounts::Session;
use crate::http::AppState;
use crate::http::response::pages::Blank;

use super::limits::Limits;
use super::session_dto::SessionDto;

/// Answers to `GET /api/session` and `GET /api/limits`, which a page contains so that its scripts need not ask.
#[derive(Serialize)]
struct PageFacts<'a> {
    session: SessionDto<'a>,
    limits: Limits,
}

/// Returns the blanks of the frame.
pub(super) fn blanks(app: &AppState, session: &Session) -> [Blank; 2] {
    let facts = PageFacts { session: SessionDto::new(app, session), limits: Limits::of(app) };
    // These types have no form that JSON lacks.
    let facts = serde_json::to_string(&facts).unwrap_or_default();
    [Blank::person(session.person.name.as_str()), Blank::facts(&facts)]
}
