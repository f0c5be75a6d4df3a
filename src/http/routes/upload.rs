//! Files on their way in: one multipart field `archivo`, streamed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use multer::{Constraints, Multipart, SizeLimit};

use crate::audit::Event;
use crate::http::auth::Uploader;
use crate::http::body::{Body, next_data};
use crate::http::pages::Page;
use crate::http::problem::{Code, Problem, internal};
use crate::http::router::Call;
use crate::quarantine::{FileName, FileRecord, NameError, UploadError};

use super::files::Shown;
use super::{json, pages, see_other};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

const MIB: u64 = 1024 * 1024;
/// The field that holds the file.
const FIELD: &str = "archivo";
/// A client that sends no byte of an upload for so long has stalled.
const STALLED: Duration = Duration::from_secs(30);
/// Boundaries and part heads around the file. multer gathers these in memory until it finds their end.
const MAX_ENVELOPE: usize = 64 * 1024;
/// What is still read after a refusal, so that the client reads the answer instead of an error of its own connection: a file of
/// the largest default size.
const MAX_DRAIN: usize = 17 * 1024 * 1024;

pub(super) async fn api(call: Call, who: Uploader) -> Result {
    let file = receive(call, &who).await?;
    let mut response = json(StatusCode::CREATED, &Shown::from(&file));
    // Hexadecimal digits: always a valid header.
    if let Ok(location) = HeaderValue::from_str(&format!("/api/files/{}", file.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The form of `/subir`: works without scripts, answers with the page again when it fails.
pub(super) async fn form(call: Call, who: Uploader) -> Result {
    let (site, lang) = (Arc::clone(&call.site), call.lang);
    Ok(match receive(call, &who).await {
        Ok(_) => see_other("/listar"),
        Err(problem) => pages::with_problem(&site, Page::Subir, &problem, lang),
    })
}

async fn receive(call: Call, who: &Uploader) -> Result<FileRecord> {
    let Call { site, request, addr, .. } = call;
    let user = who.session().person.name.clone();
    let (parts, body) = request.into_parts();
    let shared = Source::new(body);
    let result = store(&site, &parts.headers, &shared, who).await;
    match &result {
        Ok(file) => site.quarantine.note_uploaded(file, &user, addr).await,
        Err(problem) => {
            site.audit.record(Event::FileRefused { user, addr, reason: problem.code.word() }).await;
            shared.drain().await;
        }
    }
    result
}

async fn store(site: &crate::http::Site, headers: &HeaderMap, source: &Source, who: &Uploader) -> Result<FileRecord> {
    site.rates.upload(who.session().person.id)?;
    let boundary = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| multer::parse_boundary(v).ok())
        .ok_or_else(|| Problem::new(Code::UnsupportedMediaType).naming("multipart/form-data"))?;
    let max = site.config.get().files.max_file;
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|len| len > max.saturating_add(MAX_ENVELOPE as u64)) {
        return Err(Problem::new(Code::TooLarge));
    }
    // The file itself is counted by the upload; these bounds are for what multer would gather around it.
    let bounds = SizeLimit::new().whole_stream(max.saturating_add(2 * MAX_ENVELOPE as u64));
    let constraints = Constraints::new().allowed_fields(vec![FIELD]).size_limit(bounds);
    let mut form = Multipart::with_constraints(source.stream(), boundary, constraints);
    let missing = || Problem::new(Code::BadRequest).naming(FIELD);
    let mut field = source.outside(form.next_field()).await?.ok_or_else(missing)?;
    let name = FileName::from_upload(field.file_name().ok_or_else(missing)?).map_err(|e| bad_name(&e))?;
    let mut upload = site.quarantine.receive().await?;
    while let Some(chunk) = field.chunk().await.map_err(multipart)? {
        upload = upload.write(&chunk).await?;
    }
    drop(field);
    // Only a body that came whole is a file; a second file in it was not asked for.
    if source.outside(form.next_field()).await?.is_some() {
        return Err(Problem::new(Code::BadRequest).because("un solo archivo a la vez", "one file at a time"));
    }
    Ok(upload.finish(name, &who.session().person.name).await?)
}

/// A request's body that multer reads, and that can be drained when multer is done with it.
struct Source {
    body: Arc<tokio::sync::Mutex<Incoming>>,
    /// Bytes that multer may still read before it must find the end of a part's head.
    envelope: Arc<AtomicUsize>,
}

impl Source {
    fn new(body: Incoming) -> Self {
        Self { body: Arc::new(tokio::sync::Mutex::new(body)), envelope: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    fn stream(&self) -> impl futures_util::Stream<Item = std::result::Result<Bytes, Stop>> + Send + 'static {
        let state = (Arc::clone(&self.body), Arc::clone(&self.envelope));
        try_unfold(state, |(body, envelope)| async move {
            let data = next_data(&mut *body.lock().await, STALLED).await.map_err(|problem| Stop(problem.code))?;
            let Some(data) = data else { return Ok(None) };
            let left = envelope.load(Ordering::Relaxed);
            if left != usize::MAX {
                envelope.store(left.checked_sub(data.len()).ok_or(Stop(Code::BadRequest))?, Ordering::Relaxed);
            }
            Ok(Some((data, (body, envelope))))
        })
    }

    /// Runs a step of multer that gathers in memory, under a bound.
    async fn outside<T>(&self, step: impl Future<Output = multer::Result<T>>) -> Result<T> {
        self.envelope.store(MAX_ENVELOPE, Ordering::Relaxed);
        let result = step.await.map_err(multipart);
        self.envelope.store(usize::MAX, Ordering::Relaxed);
        result
    }

    async fn drain(&self) {
        let mut left = MAX_DRAIN;
        let mut body = self.body.lock().await;
        while let Ok(Some(data)) = next_data(&mut body, STALLED).await {
            match left.checked_sub(data.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }
}

fn bad_name(error: &NameError) -> Problem {
    let problem = Problem::new(Code::BadName);
    match error {
        NameError::Empty => {
            problem.because("del que llegó no queda nada que se pueda guardar", "nothing of the one that came can be kept")
        }
        NameError::TooLong => problem.because("el que llegó es demasiado largo", "the one that came is too long"),
    }
}

/// Why the stream that multer reads ended early.
#[derive(Debug, thiserror::Error)]
#[error("the body ended early")]
struct Stop(Code);

/// multer's errors as answers: the client's stream broke, something is too large, or it is no such form.
fn multipart(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(cause) => {
            let code = cause.downcast_ref::<Stop>().map_or(Code::BadRequest, |stop| stop.0);
            Problem::new(code).naming("multipart/form-data")
        }
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => Problem::new(Code::TooLarge),
        multer::Error::UnknownField { .. } => Problem::new(Code::BadRequest).naming(FIELD),
        _ => Problem::new(Code::BadRequest).naming("multipart/form-data"),
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { max } => Self::new(Code::TooLarge).because(
                format!("un archivo puede tener hasta {} MiB", max / MIB),
                format!("a file may have up to {} MiB", max / MIB),
            ),
            UploadError::StorageFull => Self::new(Code::StorageFull),
            UploadError::Internal(_) => internal(&error),
        }
    }
}
