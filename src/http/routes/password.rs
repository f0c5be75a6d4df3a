//! Changing one's own password.

use std::net::IpAddr;
use std::sync::Arc;

use http::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::{ChangeError, NewSession, PasswordChange, Session, SignInError};
use crate::http::AppState;
use crate::http::request::auth::PartialSession;
use crate::http::request::return_path::ReturnPath;
use crate::http::response::body::Body;
use crate::http::response::pages::{Blank, Notice, Page};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::crypto::Sha256;
use crate::types::texts::{Key, key};

use super::form_page::{FormFields, FormPage};
use super::session::{hand_over_memberships, read_json, set_session_cookie};
use super::{HOME, SIGN_IN, no_content, see_other};

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
    let renewed = change_password(&app, &who, change(&current, &new), addr).await?;
    let mut response = no_content();
    // None where the person signed out at the same moment: then the browser has no session.
    if let Some(renewed) = renewed {
        set_session_cookie(&mut response, &app, &renewed, context.cookies);
    }
    Ok(response)
}

pub(super) async fn page(call: RoutedRequest, who: PartialSession) -> Result {
    let note = who.session().must_change().then(|| Notice::Note(MUST_CHANGE.get(call.lang)));
    let back = ReturnPath::in_query(call.request.uri());
    let blanks: Vec<_> = back.iter().map(Blank::return_field).collect();
    Ok(call.app.pages.filled(Page::Password, note.as_slice(), &blanks, call.lang))
}

/// Answers the form of `/clave`.
pub(super) async fn form(call: RoutedRequest, who: PartialSession) -> Result {
    let mut page =
        FormPage::new(&call, Page::Password).with_note(who.session().must_change().then_some(MUST_CHANGE));
    let result = submit(call, &who, &mut page).await;
    Ok(page.answer(result))
}

async fn submit(call: RoutedRequest, who: &PartialSession, page: &mut FormPage) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let fields = FormFields::read(request).await?;
    let back = fields.return_path();
    if let Some(back) = &back {
        page.fill(Blank::return_field(back));
    }
    let (current, new) = (fields.require("clave_actual")?, fields.require("clave_nueva")?);
    fields.check_repetition(&new)?;
    let renewed = match change_password(&app, who, change(&current, &new), addr).await {
        Err(ChangeError::SessionOver) => None,
        renewed => renewed?,
    };
    let Some(renewed) = renewed else { return Ok(see_other(SIGN_IN)) };
    let mut response = see_other(&back.map_or(HOME.to_owned(), |back| back.location()));
    set_session_cookie(&mut response, &app, &renewed, context.cookies);
    Ok(response)
}

async fn change_password(
    app: &AppState,
    who: &PartialSession,
    change: PasswordChange,
    addr: IpAddr,
) -> std::result::Result<Option<NewSession>, ChangeError> {
    let sockets = Arc::clone(&app.sockets);
    let hand_over = Box::new(move |old: &Sha256, new: &Session| hand_over_memberships(&sockets, old, new));
    app.accounts.change_password(who.session(), change, addr, hand_over).await
}
