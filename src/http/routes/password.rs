//! Changing one's own password.

use http::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ChangeError, NewSession, PasswordChange, SignInError};
use crate::http::request::auth::PartialSession;
use crate::http::response::body::Body;
use crate::http::response::pages::{Notice, Page};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::texts::{Key, key};

use super::form_page::{FormFields, FormPage};
use super::session::{read_json, set_session_cookie};
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

/// Answers the form of `/clave`.
pub(super) async fn form(call: RoutedRequest, who: PartialSession) -> Result {
    let page =
        FormPage::new(&call, Page::Password).with_note(who.session().must_change().then_some(MUST_CHANGE));
    Ok(page.answer(submit(call, &who).await))
}

async fn submit(call: RoutedRequest, who: &PartialSession) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let fields = FormFields::read(request).await?;
    let (current, new) = (fields.require("clave_actual")?, fields.require("clave_nueva")?);
    fields.check_repetition(&new)?;
    let renewed = match app.accounts.change_password(who.session(), change(&current, &new), addr).await {
        Err(ChangeError::SessionOver) => None,
        renewed => renewed?,
    };
    let Some(NewSession { token, .. }) = renewed else { return Ok(see_other("/login")) };
    let mut response = see_other("/inicio");
    set_session_cookie(&mut response, &token, context.cookies);
    Ok(response)
}
