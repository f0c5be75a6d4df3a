//! Frame of the pages' forms. They work without scripts: the answer to a mistake is the page again.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use zeroize::Zeroizing;

use crate::http::AppState;
use crate::http::request::form;
use crate::http::request::request_body::{read_small, require_content_type};
use crate::http::request::return_path::{self, ReturnPath};
use crate::http::response::body::Body;
use crate::http::response::pages::{Blank, HTML, Notice, Page};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::Lang;
use crate::types::texts::Key;

use super::frame;

/// Fields of a submitted form, wiped on drop.
pub(super) struct FormFields(Zeroizing<Vec<u8>>);

impl FormFields {
    /// Reads the body of a form.
    ///
    /// # Errors
    /// Another content type, more than 64 KiB, or a body that does not come.
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, Problem> {
        require_content_type(request.headers(), "application/x-www-form-urlencoded")?;
        Ok(Self(read_small(request.into_body()).await?))
    }

    /// Returns a field that the form must have.
    pub(super) fn require(&self, name: &'static str) -> Result<Zeroizing<String>, Problem> {
        form::field(&self.0, name).ok_or_else(|| bad_field(name))
    }

    /// Returns true for a box that was checked.
    pub(super) fn is_checked(&self, name: &'static str) -> bool {
        form::field(&self.0, name).is_some()
    }

    /// Returns the page that the form leads back to.
    pub(super) fn return_path(&self) -> Option<ReturnPath> {
        ReturnPath::parse(&form::field(&self.0, return_path::FIELD)?)
    }

    /// Checks the repetition of a new password. The page asks for it; a program need not send it.
    pub(super) fn check_repetition(&self, new: &Zeroizing<String>) -> Result<(), Problem> {
        match form::field(&self.0, "clave_otra_vez") {
            Some(again) if again != *new => Err(Problem::new(ProblemCode::PasswordsDiffer)),
            Some(_) | None => Ok(()),
        }
    }
}

/// Returns the problem of a field that is missing or cannot be read.
pub(super) fn bad_field(name: &'static str) -> Problem {
    Problem::new(ProblemCode::BadRequest).about(name)
}

/// Page of a form, as it is shown again after a mistake.
pub(super) struct FormPage {
    app: Arc<AppState>,
    page: Page,
    lang: Lang,
    note: Option<Key>,
    kept: Vec<(&'static str, Zeroizing<String>)>,
    blanks: Vec<Blank>,
}

impl FormPage {
    /// Returns the page of the form that `call` submits.
    pub(super) fn new(call: &RoutedRequest, page: Page) -> Self {
        let frame = call.session.as_ref().map(|session| frame::blanks(&call.app, session));
        Self {
            app: Arc::clone(&call.app),
            page,
            lang: call.lang,
            note: None,
            kept: Vec::new(),
            blanks: frame.into_iter().flatten().collect(),
        }
    }

    /// Adds a note that stands below the problem.
    pub(super) fn with_note(mut self, note: Option<Key>) -> Self {
        self.note = note;
        self
    }

    /// Fills a blank of the page, in place of what was filled in before.
    pub(super) fn fill(&mut self, blank: Blank) {
        self.blanks.retain(|other| other.mark != blank.mark);
        self.blanks.push(blank);
    }

    /// Fills a field of the page with what was typed, so that it need not be typed again.
    pub(super) fn keep(&mut self, field: &'static str, typed: &Zeroizing<String>) {
        self.kept.push((field, typed.clone()));
    }

    /// Returns the answer to the form: `result`, or the page with the problem on it.
    pub(super) fn answer(self, result: Result<Response<Body>, Problem>) -> Response<Body> {
        result.unwrap_or_else(|problem| {
            let detail = problem.detail(self.lang);
            let mut notices = vec![Notice::Problem(&detail)];
            notices.extend(self.note.map(|note| Notice::Note(note.get(self.lang))));
            let kept: Vec<_> = self.kept.iter().map(|(field, typed)| (*field, typed.as_str())).collect();
            let page = self.app.pages.render_form(self.page, &notices, &self.blanks, &kept, self.lang);
            problem.response(HTML, page)
        })
    }
}
