//! Signing in and out.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{Session, SignInError};
use crate::http::auth::AnySession;
use crate::http::body::{Body, read_small};
use crate::http::cookies::CookieScope;
use crate::http::pages::{HTML, Page};
use crate::http::problem::{Code, Problem, internal};
use crate::http::router::Call;
use crate::http::service::session;
use crate::http::{Site, device_cookie, form};
use crate::types::crypto::Token;

use super::{json, no_content, see_other};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

/// How long a full hashing queue takes to have a place again.
const BUSY_RETRY: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: Zeroizing<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    username: &'a str,
    role: &'a str,
    expires_at: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    must_change_password: bool,
}

pub(super) fn shown(site: &Site, session: &Session) -> Response<Body> {
    let expires_at = site.accounts.expires_at(session).to_string();
    let (username, role) = (session.person.name.as_str(), session.role.as_str());
    json(StatusCode::OK, &Shown { username, role, expires_at, must_change_password: session.must_change() })
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Invalid => Self::new(Code::InvalidCredentials),
            SignInError::AccountLocked => Self::new(Code::AccountLocked),
            SignInError::LockedOut(wait) => Self::new(Code::LockedOut).retry(wait.retry),
            SignInError::RateLimited(wait) => wait.into(),
            SignInError::Busy => Self::new(Code::Busy).retry(BUSY_RETRY),
            SignInError::Internal(error) => Self::of_store(&error),
            SignInError::BadHash => internal(&error),
        }
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

pub(super) fn demand(headers: &HeaderMap, wanted: &str) -> Result<()> {
    if media_type(headers).eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType).naming(wanted))
    }
}

pub(super) async fn read_json<T: DeserializeOwned>(request: http::Request<hyper::body::Incoming>) -> Result<T> {
    demand(request.headers(), "application/json")?;
    let body = read_small(request.into_body()).await?;
    // serde's own words may quote what was sent, and that may be a password.
    serde_json::from_slice(&body)
        .map_err(|e| Problem::new(Code::BadRequest).naming(&format!("JSON, {}:{}", e.line(), e.column())))
}

/// Puts the cookie of a new session into `response`.
pub(super) fn remember(response: &mut Response<Body>, token: &Token, cookies: CookieScope) {
    response.headers_mut().append(header::SET_COOKIE, cookies.set(token));
}

fn forget(response: &mut Response<Body>, cookies: CookieScope) {
    let fields = response.headers_mut();
    fields.append(header::SET_COOKIE, cookies.clear());
    // Without "cookies": that would take away what other ports of this name have set. Over plain HTTP browsers do not heed it.
    fields.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
}

/// A session that the browser still carries ends: signing in anew never leaves two behind, and nobody can plant one.
pub(super) async fn end_old(site: &Site, headers: &HeaderMap, cookies: CookieScope) -> Result<()> {
    if let Some(old) = session(site, headers, cookies) {
        site.accounts.sign_out(old.digest).await?;
    }
    Ok(())
}

pub(super) async fn sign_in(call: Call) -> Result {
    let Call { site, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Credentials { username, password } = read_json(request).await?;
    let device = device_cookie::of_request(&site, &headers, context.cookies, addr);
    let (token, session) = site.accounts.sign_in(username, Password::typed(&password), addr, &device).await?;
    end_old(&site, &headers, context.cookies).await?;
    let mut response = shown(&site, &session);
    device_cookie::remember(&mut response, &site, &session, &device, context.cookies).await;
    remember(&mut response, &token, context.cookies);
    Ok(response)
}

pub(super) async fn show(call: Call, who: AnySession) -> Result {
    Ok(shown(&call.site, who.session()))
}

pub(super) async fn sign_out(call: Call, who: AnySession) -> Result {
    call.site.accounts.sign_out(who.session().digest).await?;
    let mut response = no_content();
    forget(&mut response, call.context.cookies);
    Ok(response)
}

/// The form of `/login`: works without scripts, answers with the page again when it fails.
pub(super) async fn form_sign_in(call: Call) -> Result {
    let Call { site, request, addr, context, lang, .. } = call;
    let headers = request.headers().clone();
    let device = device_cookie::of_request(&site, &headers, context.cookies, addr);
    let mut typed = String::new();
    let result = async {
        demand(&headers, "application/x-www-form-urlencoded")?;
        let body = read_small(request.into_body()).await?;
        let name = form::field(&body, "usuario").ok_or_else(|| Problem::new(Code::BadRequest).naming("usuario"))?;
        let password = form::field(&body, "clave").ok_or_else(|| Problem::new(Code::BadRequest).naming("clave"))?;
        typed.clone_from(&name);
        let signed_in = site.accounts.sign_in(name.to_string(), Password::typed(&password), addr, &device).await?;
        end_old(&site, &headers, context.cookies).await?;
        Ok::<_, Problem>(signed_in)
    };
    Ok(match result.await {
        Ok((token, session)) => {
            let mut response = see_other("/inicio");
            device_cookie::remember(&mut response, &site, &session, &device, context.cookies).await;
            remember(&mut response, &token, context.cookies);
            response
        }
        Err(problem) => {
            let page = site.pages.form_again(Page::Login, &problem.detail(lang), &[("usuario", &typed)], lang);
            problem.response(HTML, page)
        }
    })
}

pub(super) async fn form_sign_out(call: Call, who: AnySession) -> Result {
    call.site.accounts.sign_out(who.session().digest).await?;
    let mut response = see_other("/login");
    forget(&mut response, call.context.cookies);
    Ok(response)
}
