//! Claiming the device with the code from its console or its card.

use http::{Response, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ClaimError, ClaimRequest, NewSession};
use crate::http::request::device_cookie;
use crate::http::request::form;
use crate::http::request::request_body::read_small;
use crate::http::response::body::Body;
use crate::http::response::pages::{HTML, Page};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;

use super::see_other;
use super::session::{
    read_json, require_content_type, revoke_previous_session, session_dto, set_session_cookie,
};

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
        None => see_other("/login"),
    })
}

pub(super) async fn api(call: RoutedRequest) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Claim { code, username, password } = read_json(request).await?;
    let request =
        ClaimRequest { code: code.to_string(), name: username, password: Password::typed(&password) };
    let NewSession { token, session } = app.accounts.redeem(request, addr).await?;
    revoke_previous_session(&app, &headers, context.cookies).await?;
    let mut response = session_dto(&app, &session);
    let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
    device_cookie::remember(&mut response, &app, &session, &device, context.cookies).await;
    *response.status_mut() = StatusCode::CREATED;
    set_session_cookie(&mut response, &token, context.cookies);
    Ok(response)
}

/// The form of `/activar`: works without scripts, answers with the page again when it fails.
pub(super) async fn form(call: RoutedRequest) -> Result {
    let RoutedRequest { app, request, addr, context, lang, .. } = call;
    let headers = request.headers().clone();
    let (mut code, mut name) = (Zeroizing::default(), String::new());
    let result = async {
        require_content_type(&headers, "application/x-www-form-urlencoded")?;
        let body = read_small(request.into_body()).await?;
        let field =
            |name| form::field(&body, name).ok_or_else(|| Problem::new(ProblemCode::BadRequest).about(name));
        code = field("codigo")?;
        name.clone_from(&*field("usuario")?);
        let password = field("clave")?;
        // Typed twice on the page; a program need not.
        if form::field(&body, "clave_otra_vez").is_some_and(|again| again != password) {
            return Err(Problem::new(ProblemCode::PasswordsDiffer));
        }
        let request =
            ClaimRequest { code: code.to_string(), name: name.clone(), password: Password::typed(&password) };
        let claimed = app.accounts.redeem(request, addr).await?;
        revoke_previous_session(&app, &headers, context.cookies).await?;
        Ok::<_, Problem>(claimed)
    };
    Ok(match result.await {
        Ok(NewSession { token, session }) => {
            let mut response = see_other("/inicio");
            let device = device_cookie::of_request(&app, &headers, context.cookies, addr);
            device_cookie::remember(&mut response, &app, &session, &device, context.cookies).await;
            set_session_cookie(&mut response, &token, context.cookies);
            response
        }
        Err(problem) => {
            let typed = [("codigo", code.as_str()), ("usuario", name.as_str())];
            let page = app.pages.render_form(Page::Claim, &problem.detail(lang), &typed, lang);
            problem.response(HTML, page)
        }
    })
}
