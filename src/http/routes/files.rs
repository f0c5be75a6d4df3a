//! The files in quarantine: show, hand out, delete.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::audit::Event;
use crate::http::auth::{Admin, SignedIn};
use crate::http::body::Body;
use crate::http::download::{Wanted, response, wanted};
use crate::http::problem::{Code, Problem};
use crate::http::router::Call;
use crate::quarantine::{FileId, FileRecord};

use super::{json, no_content};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

/// A file as the API shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
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

impl<'a> From<&'a FileRecord> for Shown<'a> {
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

/// Whether a person may know of a file: what they may fetch, what they brought; an administrator all.
fn shows(who: &SignedIn, file: &FileRecord) -> bool {
    who.is_admin() || file.state.available_to_all() || file.uploader == Some(who.session().person.id)
}

async fn find(call: &Call) -> Result<FileRecord> {
    let missing = || Problem::new(Code::NotFound);
    let id = FileId::parse(&call.param).ok_or_else(missing)?;
    call.site.quarantine.find(id).await?.ok_or_else(missing)
}

pub(super) async fn show(call: Call, who: SignedIn) -> Result {
    let file = find(&call).await?;
    if !shows(&who, &file) {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(json(StatusCode::OK, &Shown::from(&file)))
}

pub(super) async fn content(call: Call, who: SignedIn) -> Result {
    let file = find(&call).await?;
    if !file.state.handed_to(who.is_admin()) {
        let (user, id, name) = (who.session().person.name.clone(), file.id.to_string(), file.name.as_str().to_owned());
        let state = file.state.as_str();
        call.site.audit.record(Event::FileHeld { user, addr: call.addr, id, name, state }).await;
        return Err(Problem::new(Code::Held));
    }
    let wanted = wanted(call.request.method(), call.request.headers(), &file)?;
    let Wanted::Bytes { first, len, .. } = wanted else { return Ok(response(&file, &wanted, Body::empty())) };
    if call.request.method() == http::Method::HEAD {
        let length = http::HeaderValue::from(len);
        let mut response = response(&file, &wanted, Body::empty());
        response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
        return Ok(response);
    }
    let is_part = matches!(wanted, Wanted::Bytes { part: true, .. });
    call.site.rates.download(who.session().person.id, file.id.number(), is_part)?;
    let bytes = call.site.quarantine.open_file(file.id).await?;
    let (user, id, name) = (who.session().person.name.clone(), file.id.to_string(), file.name.as_str().to_owned());
    call.site.audit.record(Event::FileDownloaded { user, addr: call.addr, id, name }).await;
    Ok(response(&file, &wanted, Body::file(bytes, first, len)))
}

pub(super) async fn delete(call: Call, who: Admin) -> Result {
    let missing = || Problem::new(Code::NotFound);
    let id = FileId::parse(&call.param).ok_or_else(missing)?;
    call.site.rates.delete(who.session().person.id)?;
    let file = call.site.quarantine.delete(id).await?.ok_or_else(missing)?;
    let (user, name) = (who.session().person.name.clone(), file.name.as_str().to_owned());
    call.site.audit.record(Event::FileDeleted { user, addr: call.addr, id: id.to_string(), name }).await;
    Ok(no_content())
}
