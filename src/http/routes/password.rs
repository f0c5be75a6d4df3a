//! Changing one's own password.

use http::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ChangeError, NewSession, PasswordChange, SignInError};
use crate::http::request::auth::PartialSession;
use crate::http::request::form;
use crate::http::request::request_body::read_small;
use crate::http::response::body::Body;
use crate::http::response::pages::{HTML, Notice, Page};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::texts::{Key, key};

use super::session::{read_json, require_content_type, set_session_cookie};
use super::{no_content, see_other};

type Result = std::result::Result<Response<Body>, Problem>;

/// Notice for users that were redirected here.
const MUST_CHANGE: Key = key::PW_MUST_CHANGE;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    current: Zeroizing<String>,
    new: Zeroizing<String>,
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Weak(weak) => weak.into(),
            ChangeError::SessionOver => Self::new(ProblemCode::Unauthenticated),
            ChangeError::SignIn(SignInError::Invalid) => Self::new(ProblemCode::WrongPassword),
            ChangeError::SignIn(other) => other.into(),
        }
    }
}

fn change(current: &str, new: &str) -> PasswordChange {
    PasswordChange { current: Password::typed(current), new: Password::typed(new) }
}

pub(super) async fn api(call: RoutedRequest, who: PartialSession) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let Change { current, new } = read_json(request).await?;
    let renewed = app.accounts.change_password(who.session(), change(&current, &new), addr).await?;
    let mut response = no_content();
    // None where the person signed out at the same moment: then the browser has no session.
    if let Some(NewSession { token, .. }) = renewed {
        set_session_cookie(&mut response, &token, context.cookies);
    }
    Ok(response)
}

pub(super) async fn page(call: RoutedRequest, who: PartialSession) -> Result {
    if !who.session().must_change() {
        return Ok(call.app.pages.get(Page::Password, call.lang));
    }
    let note = [Notice::Note(MUST_CHANGE.get(call.lang))];
    Ok(call.app.pages.with_notice(Page::Password, &note, call.lang))
}

/// The form of `/clave`: works without scripts, answers with the page again when it fails.
pub(super) async fn form(call: RoutedRequest, who: PartialSession) -> Result {
    let RoutedRequest { app, request, addr, lang, context, .. } = call;
    let result = async {
        require_content_type(request.headers(), "application/x-www-form-urlencoded")?;
        let body = read_small(request.into_body()).await?;
        let field =
            |name| form::field(&body, name).ok_or_else(|| Problem::new(ProblemCode::BadRequest).about(name));
        let (current, new) = (field("clave_actual")?, field("clave_nueva")?);
        // Typed twice on the page; a program need not.
        if form::field(&body, "clave_otra_vez").is_some_and(|again| again != new) {
            return Err(Problem::new(ProblemCode::PasswordsDiffer));
        }
        Ok::<_, Problem>(app.accounts.change_password(who.session(), change(&current, &new), addr).await?)
    };
    Ok(match result.await {
        Ok(Some(NewSession { token, .. })) => {
            let mut response = see_other("/inicio");
            set_session_cookie(&mut response, &token, context.cookies);
            response
        }
        Ok(None) => see_other("/login"),
        Err(problem) if problem.code == ProblemCode::Unauthenticated => see_other("/login"),
        Err(problem) => {
            let detail = problem.detail(lang);
            let mut said = vec![Notice::Problem(&detail)];
            said.extend(who.session().must_change().then_some(Notice::Note(MUST_CHANGE.get(lang))));
            problem.response(HTML, app.pages.with(Page::Password, &said, lang))
        }
    })
}
