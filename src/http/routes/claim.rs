//! Claiming the device with the code from its console or its card.

use http::{Response, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ClaimError, ClaimRequest};
use crate::http::request::device_cookie;
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;

use super::form_page::{FormFields, FormPage};
use super::session::{read_json, revoke_previous_session, session_client, set_session_cookie};
use super::session_dto::session_dto;
use super::{HOME, SIGN_IN, see_other};

type Result = std::result::Result<Response<Body>, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    code: Zeroizing<String>,
    username: String,
    password: Zeroizing<String>,
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Closed => Self::new(ProblemCode::NotClaimable),
            ClaimError::WrongCode => Self::new(ProblemCode::WrongClaim),
            ClaimError::BadName => Self::new(ProblemCode::BadUserName),
            ClaimError::Weak(weak) => weak.into(),
            ClaimError::SignIn(error) => error.into(),
        }
    }
}

pub(super) async fn page(call: RoutedRequest) -> Result {
    Ok(match call.app.accounts.claimable() {
        Some(_) => call.app.pages.get(Page::Claim, call.lang),
        None => see_other(SIGN_IN),
    })
}

pub(super) async fn api(call: RoutedRequest) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Claim { code, username, password } = read_json(request).await?;
    let request =
        ClaimRequest { code: code.to_string(), name: username, password: Password::typed(&password) };
    let client = session_client(&headers, &context, false);
    let new = app.accounts.redeem(request, client).await?;
    let session = &new.session;
    revoke_previous_session(&app, &headers, context.cookies, session).await?;
    let mut response = session_dto(&app, session);
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    device_cookie::remember(&mut response, &app, session, &device, context.cookies).await;
    *response.status_mut() = StatusCode::CREATED;
    set_session_cookie(&mut response, &app, &new, context.cookies);
    Ok(response)
}

/// Answers the form of `/activar`.
pub(super) async fn form(call: RoutedRequest) -> Result {
    let mut page = FormPage::new(&call, Page::Claim);
    let result = submit(call, &mut page).await;
    Ok(page.answer(result))
}

async fn submit(call: RoutedRequest, page: &mut FormPage) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let fields = FormFields::read(request).await?;
    let code = fields.require("codigo")?;
    page.keep("codigo", &code);
    let name = fields.require("usuario")?;
    page.keep("usuario", &name);
    let password = fields.require("clave")?;
    fields.check_repetition(&password)?;
    let request =
        ClaimRequest { code: code.to_string(), name: name.to_string(), password: Password::typed(&password) };
    let client = session_client(&headers, &context, false);
    let new = app.accounts.redeem(request, client).await?;
    let session = &new.session;
    revoke_previous_session(&app, &headers, context.cookies, session).await?;
    let mut response = see_other(HOME);
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    device_cookie::remember(&mut response, &app, session, &device, context.cookies).await;
    set_session_cookie(&mut response, &app, &new, context.cookies);
    Ok(response)
}
