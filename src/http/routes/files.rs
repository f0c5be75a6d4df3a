//! The files in quarantine: show, hand out, delete.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde::Serialize;

use crate::audit::Event;
use crate::http::request::auth::{Admin, SignedIn};
use crate::http::response::body::Body;
use crate::http::response::download::{Selection, response, wanted};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::quarantine::{Content, FileId, FileRecord, FileState};
use crate::store::Db;

use super::{json, no_content};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

/// A file as the API shows it.
#[derive(Serialize)]
pub(super) struct FileDto<'a> {
    id: String,
    name: &'a str,
    size: u64,
    sha256: String,
    media_type: &'a str,
    state: &'static str,
    reasons: &'a [String],
    uploaded_by: &'a str,
    uploaded_at: String,
}

impl<'a> From<&'a FileRecord> for FileDto<'a> {
    fn from(file: &'a FileRecord) -> Self {
        Self {
            id: file.id.to_string(),
            name: file.name.as_str(),
            size: file.size,
            sha256: file.sha256.to_string(),
            media_type: &file.media_type,
            state: file.state.as_str(),
            reasons: &file.reasons,
            uploaded_by: &file.uploaded_by,
            uploaded_at: file.uploaded_at.to_string(),
        }
    }
}

/// Returns true if the user may see a file: downloadable or own files; administrators see all.
fn is_visible_to(who: &SignedIn, file: &FileRecord) -> bool {
    who.is_admin() || file.state.available_to_all() || file.uploader == Some(who.session().person.id)
}

async fn find(call: &RoutedRequest) -> Result<FileRecord> {
    let missing = || Problem::new(ProblemCode::NotFound);
    let id = FileId::parse(&call.param).ok_or_else(missing)?;
    call.app.quarantine.find(id).await?.ok_or_else(missing)
}

pub(super) async fn show(call: RoutedRequest, who: SignedIn) -> Result {
    let file = find(&call).await?;
    if !is_visible_to(&who, &file) {
        return Err(Problem::new(ProblemCode::NotFound));
    }
    Ok(json(StatusCode::OK, &FileDto::from(&file)))
}

/// The answer for a file whose bytes are gone: the object for those who may see it, its state for all others.
fn gone(who: &SignedIn, before: FileState, file: &FileRecord) -> Problem {
    let problem = Problem::new(ProblemCode::Gone);
    if is_visible_to(who, file) || before.available_to_all() {
        return problem.describing(&FileDto::from(file));
    }
    problem.describing(&serde_json::json!({"id": file.id.to_string(), "state": file.state.as_str()}))
}

pub(super) async fn content(call: RoutedRequest, who: SignedIn) -> Result {
    let file = find(&call).await?;
    if file.state.is_lost() {
        return Err(gone(&who, file.state, &file));
    }
    if !file.state.downloadable_by(who.is_admin()) {
        let (user, id, name) =
            (who.session().person.name.clone(), file.id.to_string(), file.name.as_str().to_owned());
        let state = file.state.as_str();
        call.app.audit.record(Event::FileHeld { user, addr: call.addr, id, name, state }).await;
        return Err(Problem::new(ProblemCode::Held));
    }
    let wanted = wanted(call.request.method(), call.request.headers(), &file)?;
    let Selection::Bytes { first, len, .. } = wanted else {
        return Ok(response(&file, &wanted, Body::empty()));
    };
    let is_head = call.request.method() == http::Method::HEAD;
    if !is_head {
        let is_part = matches!(wanted, Selection::Bytes { part: true, .. });
        call.app.rates.download(who.session().person.id, file.id.number(), is_part)?;
    }
    let bytes = match call.app.quarantine.open_content(&file).await? {
        Content::Bytes(bytes) => bytes,
        Content::Lost(lost) => return Err(gone(&who, file.state, &lost)),
        Content::Deleted => return Err(Problem::new(ProblemCode::NotFound)),
    };
    if is_head {
        let length = http::HeaderValue::from(len);
        let mut response = response(&file, &wanted, Body::empty());
        response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
        return Ok(response);
    }
    let (user, id, name) =
        (who.session().person.name.clone(), file.id.to_string(), file.name.as_str().to_owned());
    call.app.audit.record(Event::FileDownloaded { user, addr: call.addr, id, name }).await;
    Ok(response(&file, &wanted, Body::file(bytes, first, len)))
}

pub(super) async fn delete(call: RoutedRequest, who: Admin) -> Result {
    let missing = || Problem::new(ProblemCode::NotFound);
    let id = FileId::parse(&call.param).ok_or_else(missing)?;
    call.app.rates.delete(who.session().person.id)?;
    let user = who.session().person.name.clone();
    // Looked at again while the database is held for the delete.
    let session = Arc::clone(who.session());
    let allowed =
        move |db: &Db| Ok(session.is_live() && db.is_current(session.person.id, session.generation)?);
    let deletion = call.app.quarantine.delete(id, user, call.addr, allowed).await?.ok_or_else(missing)?;
    deletion.unlinked.map_err(|_| Problem::new(ProblemCode::DeleteIncomplete))?;
    Ok(no_content())
}
