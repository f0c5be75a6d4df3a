//! Files on their way in: one multipart field `archivo`, streamed.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::audit::Event;
use crate::http::request::auth::Uploader;
use crate::http::request::multipart::{Announced, MultipartUpload};
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::quarantine::{FileRecord, UploadError};
use crate::store::Db;
use crate::types::texts::key;

use super::files::FileDto;
use super::form_page::FormPage;
use super::{json, see_other};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

const MIB: u64 = 1024 * 1024;
/// Longest wait for the verdict of a file. Most take milliseconds; after it the state is `inspecting`.
const VERDICT: Duration = Duration::from_secs(4);

pub(super) async fn api(call: RoutedRequest, who: Uploader) -> Result {
    let file = receive(call, &who).await?;
    let mut response = json(StatusCode::CREATED, &FileDto::from(&file));
    // Hexadecimal digits: always a valid header.
    if let Ok(location) = HeaderValue::from_str(&format!("/api/files/{}", file.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Answers the form of `/subir`.
pub(super) async fn form(call: RoutedRequest, who: Uploader) -> Result {
    let page = FormPage::new(&call, Page::Upload);
    Ok(page.answer(receive(call, &who).await.map(|_| see_other("/listar"))))
}

async fn receive(call: RoutedRequest, who: &Uploader) -> Result<FileRecord> {
    let RoutedRequest { app, request, addr, .. } = call;
    let user = who.session().person.name.clone();
    let (parts, body) = request.into_parts();
    let result = store(&app, &parts.headers, body, who).await;
    match result {
        Ok(file) => {
            app.quarantine.note_uploaded(&file, &user, addr).await;
            Ok(app.quarantine.wait_for_verdict(file, VERDICT).await)
        }
        Err(problem) => {
            app.audit.record(Event::FileRefused { user, addr, reason: problem.code.code() }).await;
            Err(problem)
        }
    }
}

/// Decides by the head what can be decided by it: reading the body tells a client that waits for `100
/// Continue` to send it.
async fn store(
    app: &crate::http::AppState,
    headers: &HeaderMap,
    body: Incoming,
    who: &Uploader,
) -> Result<FileRecord> {
    let session = who.session();
    app.rates.upload(session.person.id)?;
    let announced = Announced::read(headers, app.config.get().files.max_file)?;
    let read = async {
        let mut upload = app.quarantine.receive(&session.person, announced.file_bytes()).await?;
        let source = MultipartUpload::new(body);
        let mut part = source.open(announced).await?;
        while let Some(chunk) = part.chunk().await? {
            upload = upload.write(&chunk).await?;
        }
        let (name, sent) = part.end().await?;
        Ok::<_, Problem>((upload, sent, name))
    };
    let (upload, sent, name) = tokio::select! {
        biased;
        () = session.ended() => return Err(Problem::new(ProblemCode::Unauthenticated)),
        read = read => read?,
    };
    // Looked at again while the database is held for the record.
    let (person, session) = (&session.person, Arc::clone(session));
    let allowed =
        move |db: &Db| Ok(session.is_live() && db.is_current(session.person.id, session.generation)?);
    Ok(upload.finish(sent, name, person, allowed).await?)
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { max } => Self::new(ProblemCode::TooLarge)
                .saying(key::PROBLEM_FILE_TOO_LARGE, vec![("max", (max / MIB).to_string())]),
            UploadError::StorageFull => Self::new(ProblemCode::StorageFull),
            UploadError::ShareOfBytes { max } => Self::new(ProblemCode::QuotaExceeded)
                .saying(key::PROBLEM_QUOTA_BYTES, vec![("max", (max / MIB).to_string())]),
            UploadError::ShareOfFiles { max } => Self::new(ProblemCode::QuotaExceeded)
                .saying(key::PROBLEM_QUOTA_FILES, vec![("max", max.to_string())]),
            UploadError::NotAllowed => Self::new(ProblemCode::Unauthenticated),
            UploadError::Internal(error) => error.into(),
        }
    }
}
