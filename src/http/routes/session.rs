//! Signing in and out.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{NewSession, Session, SessionClient, SignInError};
use crate::http::AppState;
use crate::http::request::arrival::live_session;
use crate::http::request::auth::PartialSession;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieScope;
use crate::http::request::device_cookie;
use crate::http::request::request_body::{read_small, require_content_type};
use crate::http::request::return_path::ReturnPath;
use crate::http::response::body::Body;
use crate::http::response::pages::{Blank, Page, escape};
use crate::http::response::problem::{Problem, ProblemCode, internal};
use crate::http::router::RoutedRequest;
use crate::types::crypto::Sha256;
use crate::types::texts::key;
use crate::types::{Lang, UserAgent};
use crate::ws;

use super::form_page::{FormFields, FormPage};
use super::session_dto::session_dto;
use super::{HOME, SIGN_IN, landing_path, no_content, see_other};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

/// Field of the sign-in form that keeps the session.
const REMEMBER: &str = "recordar";

/// Retry time after a full hashing queue.
const BUSY_RETRY: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: Zeroizing<String>,
    #[serde(default)]
    remember: bool,
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
    // serde would also accept the values alone, as an array.
    if body.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
        return Err(Problem::new(ProblemCode::BadRequest).about("JSON, 1:1"));
    }
    // serde's own words may quote what was sent, and that may be a password.
    serde_json::from_slice(&body).map_err(|e| {
        Problem::new(ProblemCode::BadRequest).about(&format!("JSON, {}:{}", e.line(), e.column()))
    })
}

/// Returns the client that signs in. Over plain HTTP no session is remembered: its cookie travels in the
/// clear.
pub(super) fn session_client(headers: &HeaderMap, context: &RequestContext, remember: bool) -> SessionClient {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    SessionClient {
        addr: context.addr,
        agent: UserAgent::clean(agent),
        remember: remember && context.cookies.may_persist(),
    }
}

/// Puts the cookie of a new session into `response`.
pub(super) fn set_session_cookie(
    response: &mut Response<Body>,
    app: &AppState,
    NewSession { token, session }: &NewSession,
    cookies: CookieScope,
) {
    let life = app.accounts.remembered_for(session);
    response.headers_mut().append(header::SET_COOKIE, cookies.set(token, life));
}

pub(super) fn clear_session_cookie(response: &mut Response<Body>, cookies: CookieScope) {
    let fields = response.headers_mut();
    fields.append(header::SET_COOKIE, cookies.clear());
    // Without "cookies": that would take away what other ports of this name have set. Over plain HTTP
    // browsers do not heed it.
    fields.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}

/// Passes the rooms of an ending session on to the one that replaces it in the same browser. Called once the
/// new session exists, and before anything is told of the end of the old one.
pub(super) fn hand_over_memberships(sockets: &ws::Services, old: &Sha256, new: &Session) {
    sockets.hub.move_memberships(old, &new.digest, new.person.id);
}

/// Ends the session of the browser's old cookie: a sign-in leaves one session, and a planted one is useless.
pub(super) async fn revoke_previous_session(
    app: &AppState,
    headers: &HeaderMap,
    cookies: CookieScope,
    new: &Session,
) -> Result<()> {
    for old in cookies.tokens(headers).chain(cookies.legacy_tokens(headers)).map(|token| token.digest()) {
        // One that has ended already has no owner any more; the hub knows whose memberships it left.
        if app.accounts.sessions.owner(&old).is_none_or(|owner| owner == new.person.id) {
            hand_over_memberships(&app.sockets, &old, new);
        }
    }
    if let Some(old) = live_session(app, headers, cookies) {
        app.accounts.sign_out(old.digest).await?;
    }
    Ok(())
}

pub(super) async fn sign_in(call: RoutedRequest) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Credentials { username, password, remember } = read_json(request).await?;
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    let client = session_client(&headers, &context, remember);
    let new = app.accounts.sign_in(username, Password::typed(&password), client, &device).await?;
    revoke_previous_session(&app, &headers, context.cookies, &new.session).await?;
    let mut response = session_dto(&app, &new.session);
    device_cookie::remember(&mut response, &app, &new.session, &device, context.cookies).await;
    set_session_cookie(&mut response, &app, &new, context.cookies);
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

/// Page of the sign-in.
pub(super) async fn login(call: RoutedRequest) -> Result {
    let back = ReturnPath::in_query(call.request.uri());
    let to = back.as_ref().map_or(HOME.to_owned(), ReturnPath::location);
    Ok(match landing_path(&call.app) {
        _ if call.session.is_some() => see_other(&to),
        SIGN_IN => {
            let mut blanks = vec![remember_box(&call.app, call.context.cookies, call.lang, false)];
            blanks.extend(back.as_ref().map(Blank::return_field));
            call.app.pages.filled(Page::Login, &[], &blanks, call.lang)
        }
        other => see_other(other),
    })
}

/// Returns the box that keeps a session; nothing where no session is kept.
fn remember_box(app: &AppState, cookies: CookieScope, lang: Lang, is_checked: bool) -> Blank {
    let days = app.config.get().accounts.remembered_life.as_secs() / (24 * 60 * 60);
    let html = if days == 0 || !cookies.may_persist() {
        String::new()
    } else {
        let text = escape(key::LOGIN_REMEMBER.get(lang));
        let days = match days {
            1 => key::LOGIN_REMEMBER_DAYS_ONE.get(lang).to_owned(),
            n => key::LOGIN_REMEMBER_DAYS.fill(lang, &[("n", &n)]),
        };
        let checked = if is_checked { " checked" } else { "" };
        format!(
            r#"<label class="check"><input type="checkbox" name="{REMEMBER}" value="1"{checked}><span>{text} <span class="muted">{days}</span></span></label>"#
        )
    };
    Blank { mark: "<!--REMEMBER-->", html }
}

/// Answers the form of `/login`.
pub(super) async fn form_sign_in(call: RoutedRequest) -> Result {
    let mut page = FormPage::new(&call, Page::Login);
    page.fill(remember_box(&call.app, call.context.cookies, call.lang, false));
    let result = submit_sign_in(call, &mut page).await;
    Ok(page.answer(result))
}

async fn submit_sign_in(call: RoutedRequest, page: &mut FormPage) -> Result {
    let RoutedRequest { app, request, addr, context, lang, .. } = call;
    let headers = request.headers().clone();
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    let fields = FormFields::read(request).await?;
    let back = fields.return_path();
    if let Some(back) = &back {
        page.fill(Blank::return_field(back));
    }
    let (name, password) = (fields.require("usuario")?, fields.require("clave")?);
    page.keep("usuario", &name);
    let client = session_client(&headers, &context, fields.is_checked(REMEMBER));
    page.fill(remember_box(&app, context.cookies, lang, client.remember));
    let new = app.accounts.sign_in(name.to_string(), Password::typed(&password), client, &device).await?;
    revoke_previous_session(&app, &headers, context.cookies, &new.session).await?;
    let mut response = see_other(&back.map_or(HOME.to_owned(), |back| back.location()));
    device_cookie::remember(&mut response, &app, &new.session, &device, context.cookies).await;
    set_session_cookie(&mut response, &app, &new, context.cookies);
    Ok(response)
}

pub(super) async fn form_sign_out(call: RoutedRequest, who: PartialSession) -> Result {
    call.app.accounts.sign_out(who.session().digest).await?;
    let mut response = see_other("/login");
    clear_session_cookie(&mut response, call.context.cookies);
    Ok(response)
}
