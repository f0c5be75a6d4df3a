//! Pages and what they load.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::accounts::Session;
use crate::http::AppState;
use crate::http::request::auth::{SignedIn, Uploader};
use crate::http::response::assets;
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::ClaimKind;

use super::{HOME, SIGN_IN, frame, json, see_other};

type Result = std::result::Result<Response<Body>, Problem>;

pub(super) async fn root(call: RoutedRequest) -> Result {
    let known = call.session.is_some();
    Ok(see_other(if known { HOME } else { landing_path(&call.app) }))
}

/// Returns the first page without a session: the sign-in, or the claim while there is no account.
pub(in crate::http) fn landing_path(app: &AppState) -> &'static str {
    if app.accounts.claimable() == Some(ClaimKind::First) { super::CLAIM } else { SIGN_IN }
}

/// Returns a page in the frame of the person's pages.
fn page_of(call: &RoutedRequest, session: &Session, page: Page) -> Result {
    Ok(call.app.pages.filled(page, &[], &frame::blanks(&call.app, session), call.lang))
}

pub(super) async fn home(call: RoutedRequest, who: SignedIn) -> Result {
    page_of(&call, who.session(), Page::Home)
}

pub(super) async fn chat(call: RoutedRequest, who: SignedIn) -> Result {
    page_of(&call, who.session(), Page::Chat)
}

pub(super) async fn files_page(call: RoutedRequest, who: SignedIn) -> Result {
    page_of(&call, who.session(), Page::Files)
}

pub(super) async fn upload_page(call: RoutedRequest, who: Uploader) -> Result {
    page_of(&call, who.session(), Page::Upload)
}

pub(super) async fn asset(call: RoutedRequest) -> Result {
    assets::get(&call.param, call.request.headers()).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// Browsers ask for it whatever the page says.
pub(super) async fn favicon(call: RoutedRequest) -> Result {
    assets::get("img/seedling.svg", call.request.headers()).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

pub(super) async fn health(_: RoutedRequest) -> Result {
    Ok(json(StatusCode::OK, &Health { status: "ok" }))
}
