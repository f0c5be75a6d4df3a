//! A form with one file in the field `archivo`, read as it comes, with bounds on all that multer gathers around the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::{HeaderMap, header};
use hyper::body::Incoming;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::quarantine::{FileName, NameError, Sent};

use super::body::next_data;
use super::problem::{Code, Problem};

/// The field that holds the file.
pub(super) const FIELD: &str = "archivo";
/// A client that sends no byte of an upload for so long has stalled.
const STALLED: Duration = Duration::from_secs(30);
/// Boundaries and part heads around the file. multer gathers these in memory until it finds their end.
pub(super) const MAX_ENVELOPE: usize = 64 * 1024;
/// What is still read after a refusal, so that the client reads the answer instead of an error of its own connection: a file of
/// the largest default size.
const MAX_DRAIN: usize = 17 * 1024 * 1024;

/// A request's body that multer reads, and that can be drained when multer is done with it.
pub(super) struct Source<B = Incoming> {
    body: Arc<tokio::sync::Mutex<B>>,
    /// Bytes that multer may still read before it must find the end of a part's head.
    envelope: Arc<AtomicUsize>,
}

/// The file of a form, from its first byte on.
pub(super) struct FilePart<'a, B = Incoming> {
    source: &'a Source<B>,
    form: Multipart<'static>,
    field: Field<'static>,
    name: FileName,
}

impl<B: http_body::Body<Data = Bytes> + Unpin + Send + 'static> Source<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body: Arc::new(tokio::sync::Mutex::new(body)), envelope: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    /// Reads up to the file. `max` is the largest file in bytes, by which a body is refused that says it is longer.
    pub(super) async fn open(&self, headers: &HeaderMap, max: u64) -> Result<FilePart<'_, B>, Problem> {
        let boundary = headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| multer::parse_boundary(v).ok())
            .ok_or_else(|| Problem::new(Code::UnsupportedMediaType).naming("multipart/form-data"))?;
        let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if declared.is_some_and(|len| len > max.saturating_add(MAX_ENVELOPE as u64)) {
            return Err(Problem::new(Code::TooLarge));
        }
        // The file itself is counted by the upload; these bounds are for what multer would gather around it.
        let bounds = SizeLimit::new().whole_stream(max.saturating_add(2 * MAX_ENVELOPE as u64));
        let constraints = Constraints::new().allowed_fields(vec![FIELD]).size_limit(bounds);
        let mut form = Multipart::with_constraints(self.stream(), boundary, constraints);
        let missing = || Problem::new(Code::BadRequest).naming(FIELD);
        let field = self.outside(form.next_field()).await?.ok_or_else(missing)?;
        let name = FileName::from_upload(field.file_name().ok_or_else(missing)?).map_err(|e| bad_name(&e))?;
        Ok(FilePart { source: self, form, field, name })
    }

    fn stream(&self) -> impl futures_util::Stream<Item = Result<Bytes, Stop>> + Send + 'static {
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
    async fn outside<T>(&self, step: impl Future<Output = multer::Result<T>>) -> Result<T, Problem> {
        self.envelope.store(MAX_ENVELOPE, Ordering::Relaxed);
        let result = step.await.map_err(broken);
        self.envelope.store(usize::MAX, Ordering::Relaxed);
        result
    }

    /// Reads the rest, up to a bound, and forgets it.
    pub(super) async fn drain(&self) {
        let mut left = MAX_DRAIN;
        let mut body = self.body.lock().await;
        while let Ok(Some(data)) = next_data(&mut *body, STALLED).await {
            match left.checked_sub(data.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin + Send + 'static> FilePart<'_, B> {
    /// The next bytes of the file.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.chunk().await.map_err(broken)
    }

    /// What the sender's program says of the file, word for word.
    pub(super) fn sent(&self) -> Sent {
        Sent {
            name: self.field.file_name().unwrap_or_default().to_owned(),
            media_type: self.field.content_type().map(|kind| kind.essence_str().to_owned()),
        }
    }

    /// The file's name, once the form has ended as it should: only a body that came whole is a file, and a second file in it was
    /// not asked for.
    pub(super) async fn end(self) -> Result<FileName, Problem> {
        let Self { source, mut form, field, name } = self;
        drop(field);
        if source.outside(form.next_field()).await?.is_some() {
            return Err(Problem::new(Code::BadRequest).because("un solo archivo a la vez", "one file at a time"));
        }
        Ok(name)
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
fn broken(error: multer::Error) -> Problem {
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
