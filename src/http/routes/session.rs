//! Signing in and out.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{NewSession, Session, SignInError};
use crate::http::AppState;
use crate::http::request::arrival::live_session;
use crate::http::request::auth::PartialSession;
use crate::http::request::cookies::CookieScope;
use crate::http::request::device_cookie;
use crate::http::request::request_body::{read_small, require_content_type};
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode, internal};
use crate::http::router::RoutedRequest;
use crate::types::crypto::Token;

use super::form_page::{FormFields, FormPage};
use super::{json, no_content, see_other};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

/// Retry time after a full hashing queue.
const BUSY_RETRY: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: Zeroizing<String>,
}

#[derive(Serialize)]
struct SessionDto<'a> {
    username: &'a str,
    role: &'a str,
    expires_at: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    must_change_password: bool,
}

pub(super) fn session_dto(app: &AppState, session: &Session) -> Response<Body> {
    let expires_at = app.accounts.expires_at(session).to_string();
    let (username, role) = (session.person.name.as_str(), session.role.as_str());
    json(
        StatusCode::OK,
        &SessionDto { username, role, expires_at, must_change_password: session.must_change() },
    )
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Invalid => Self::new(ProblemCode::InvalidCredentials),
            SignInError::AccountLocked => Self::new(ProblemCode::AccountLocked),
            SignInError::LockedOut(wait) => Self::new(ProblemCode::LockedOut).retry(wait.retry),
            SignInError::RateLimited(wait) => wait.into(),
            SignInError::Busy => Self::new(ProblemCode::Busy).retry(BUSY_RETRY),
            SignInError::Internal(error) => Self::of_store(&error),
            SignInError::BadHash => internal(&error),
        }
    }
}

pub(super) async fn read_json<T: DeserializeOwned>(
    request: http::Request<hyper::body::Incoming>,
) -> Result<T> {
    require_content_type(request.headers(), "application/json")?;
    let body = read_small(request.into_body()).await?;
    // serde's own words may quote what was sent, and that may be a password.
    serde_json::from_slice(&body).map_err(|e| {
        Problem::new(ProblemCode::BadRequest).about(&format!("JSON, {}:{}", e.line(), e.column()))
    })
}

/// Puts the cookie of a new session into `response`.
pub(super) fn set_session_cookie(response: &mut Response<Body>, token: &Token, cookies: CookieScope) {
    response.headers_mut().append(header::SET_COOKIE, cookies.set(token));
}

fn clear_session_cookie(response: &mut Response<Body>, cookies: CookieScope) {
    let fields = response.headers_mut();
    fields.append(header::SET_COOKIE, cookies.clear());
    // Without "cookies": that would take away what other ports of this name have set. Over plain HTTP
    // browsers do not heed it.
    fields.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}

/// Ends the session of the browser's old cookie: a sign-in leaves one session, and a planted one is useless.
pub(super) async fn revoke_previous_session(
    app: &AppState,
    headers: &HeaderMap,
    cookies: CookieScope,
) -> Result<()> {
    if let Some(old) = live_session(app, headers, cookies) {
        app.accounts.sign_out(old.digest).await?;
    }
    Ok(())
}

pub(super) async fn sign_in(call: RoutedRequest) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Credentials { username, password } = read_json(request).await?;
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    let NewSession { token, session } =
        app.accounts.sign_in(username, Password::typed(&password), addr, &device).await?;
    revoke_previous_session(&app, &headers, context.cookies).await?;
    let mut response = session_dto(&app, &session);
    device_cookie::remember(&mut response, &app, &session, &device, context.cookies).await;
    set_session_cookie(&mut response, &token, context.cookies);
    Ok(response)
}

pub(super) async fn show(call: RoutedRequest, who: PartialSession) -> Result {
    Ok(session_dto(&call.app, who.session()))
}

pub(super) async fn sign_out(call: RoutedRequest, who: PartialSession) -> Result {
    call.app.accounts.sign_out(who.session().digest).await?;
    let mut response = no_content();
    clear_session_cookie(&mut response, call.context.cookies);
    Ok(response)
}

/// Answers the form of `/login`.
pub(super) async fn form_sign_in(call: RoutedRequest) -> Result {
    let mut page = FormPage::new(&call, Page::Login);
    let result = submit_sign_in(call, &mut page).await;
    Ok(page.answer(result))
}

async fn submit_sign_in(call: RoutedRequest, page: &mut FormPage) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    let fields = FormFields::read(request).await?;
    let (name, password) = (fields.require("usuario")?, fields.require("clave")?);
    page.keep("usuario", &name);
    let NewSession { token, session } =
        app.accounts.sign_in(name.to_string(), Password::typed(&password), addr, &device).await?;
    revoke_previous_session(&app, &headers, context.cookies).await?;
    let mut response = see_other("/inicio");
    device_cookie::remember(&mut response, &app, &session, &device, context.cookies).await;
    set_session_cookie(&mut response, &token, context.cookies);
    Ok(response)
}

pub(super) async fn form_sign_out(call: RoutedRequest, who: PartialSession) -> Result {
    call.app.accounts.sign_out(who.session().digest).await?;
    let mut response = see_other("/login");
    clear_session_cookie(&mut response, call.context.cookies);
    Ok(response)
}
