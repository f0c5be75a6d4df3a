//! Claiming the device with the code from its console or its card.

use http::{Response, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ClaimError, ClaimRequest};
use crate::http::body::{Body, read_small};
use crate::http::pages::{HTML, Page};
use crate::http::problem::{Code, Problem};
use crate::http::router::Call;
use crate::http::{device_cookie, form};

use super::see_other;
use super::session::{demand, end_old, read_json, remember, shown};

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
            ClaimError::Closed => Self::new(Code::NotClaimable),
            ClaimError::WrongCode => Self::new(Code::WrongClaim),
            ClaimError::BadName => Self::new(Code::BadUserName),
            ClaimError::Weak(weak) => weak.into(),
            ClaimError::SignIn(error) => error.into(),
        }
    }
}

pub(super) async fn page(call: Call) -> Result {
    Ok(match call.site.accounts.claimable() {
        Some(_) => call.site.pages.get(Page::Claim),
        None => see_other("/login"),
    })
}

pub(super) async fn api(call: Call) -> Result {
    let Call { site, request, addr, context, .. } = call;
    let headers = request.headers().clone();
    let Claim { code, username, password } = read_json(request).await?;
    let request = ClaimRequest { code: code.to_string(), name: username, password: Password::typed(&password) };
    let (token, session) = site.accounts.redeem(request, addr).await?;
    end_old(&site, &headers, context.cookies).await?;
    let mut response = shown(&site, &session);
    let device = device_cookie::of_request(&site, &headers, context.cookies, addr);
    device_cookie::remember(&mut response, &site, &session, &device, context.cookies).await;
    *response.status_mut() = StatusCode::CREATED;
    remember(&mut response, &token, context.cookies);
    Ok(response)
}

/// The form of `/reclamar`: works without scripts, answers with the page again when it fails.
pub(super) async fn form(call: Call) -> Result {
    let Call { site, request, addr, context, lang, .. } = call;
    let headers = request.headers().clone();
    let (mut code, mut name) = (Zeroizing::default(), String::new());
    let result = async {
        demand(&headers, "application/x-www-form-urlencoded")?;
        let body = read_small(request.into_body()).await?;
        let field = |name| form::field(&body, name).ok_or_else(|| Problem::new(Code::BadRequest).naming(name));
        code = field("codigo")?;
        name.clone_from(&*field("usuario")?);
        let password = field("clave")?;
        // Typed twice on the page; a program need not.
        if form::field(&body, "clave_otra_vez").is_some_and(|again| again != password) {
            return Err(Problem::new(Code::PasswordsDiffer));
        }
        let request = ClaimRequest { code: code.to_string(), name: name.clone(), password: Password::typed(&password) };
        let claimed = site.accounts.redeem(request, addr).await?;
        end_old(&site, &headers, context.cookies).await?;
        Ok::<_, Problem>(claimed)
    };
    Ok(match result.await {
        Ok((token, session)) => {
            let mut response = see_other("/inicio");
            let device = device_cookie::of_request(&site, &headers, context.cookies, addr);
            device_cookie::remember(&mut response, &site, &session, &device, context.cookies).await;
            remember(&mut response, &token, context.cookies);
            response
        }
        Err(problem) => {
            let typed = [("codigo", code.as_str()), ("usuario", name.as_str())];
            let page = site.pages.form_again(Page::Claim, &problem.detail(lang), &typed, lang);
            problem.response(HTML, page)
        }
    })
}
