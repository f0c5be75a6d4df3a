//! A form with one file in the field `archivo`, read as it comes, with bounds on all that multer gathers
//! around the file.

mod charset;
mod disposition;
pub(crate) mod encoded_word;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::{HeaderMap, header};
use hyper::body::Incoming;
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::time::Instant;

use crate::quarantine::{ClientMetadata, FileName, NameError, UploadError};
use crate::types::texts::key;

use crate::http::io::pace::{LEAST_SPEED, Pace};
use crate::http::request::multipart::disposition::Disposition;
use crate::http::request::multipart::encoded_word::UnreadableName;
use crate::http::request::request_body::next_data;
use crate::http::response::problem::{Problem, ProblemCode};

/// The field that holds the file.
pub(crate) const FIELD: &str = "archivo";
/// A client that sends no byte of an upload for so long has stalled.
const STALLED: Duration = Duration::from_secs(30);
/// Boundaries, part heads and small fields before the file, and again after it. multer gathers these in
/// memory until it finds their end.
pub(crate) const MAX_ENVELOPE: usize = 64 * 1024;
/// Bytes that may be read for one envelope: hyper hands on up to 33 KiB at once, of which most may belong to
/// the file.
pub(crate) const MAX_READ_AHEAD: usize = 2 * MAX_ENVELOPE;
/// Other fields of a form.
const MAX_FIELDS: usize = 16;
/// Boundaries and the head of a lone file are shorter than this: 2 × 70 bytes, a name of 255 characters, a
/// media type.
const USUAL_ENVELOPE: u64 = 1024;

/// An upload as its head announces it.
pub(crate) struct Announced {
    boundary: String,
    length: u64,
    max: u64,
}

impl Announced {
    /// Reads the head. `max` is the largest file in bytes; a body is refused that says it is longer.
    pub(crate) fn read(headers: &HeaderMap, max: u64) -> Result<Self, Problem> {
        let boundary = headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| multer::parse_boundary(v).ok())
            .ok_or_else(|| Problem::new(ProblemCode::UnsupportedMediaType).about("multipart/form-data"))?;
        let length = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse().ok())
            .unwrap_or(0);
        if length > max.saturating_add(MAX_ENVELOPE as u64) {
            return Err(too_large(max));
        }
        Ok(Self { boundary, length, max })
    }

    /// Bytes of the file, as far as the body's length tells. Small fields beside the file count with it.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.length.saturating_sub(USUAL_ENVELOPE).min(self.max)
    }
}

/// A request's body that multer reads.
pub(crate) struct MultipartUpload<B = Incoming> {
    body: Arc<tokio::sync::Mutex<B>>,
    /// Bytes that multer may still read before it must find the end of a part's head.
    envelope: Arc<AtomicUsize>,
}

/// The file of a form, from its first byte on.
pub(crate) struct FilePart<'a, B = Incoming> {
    source: &'a MultipartUpload<B>,
    form: Multipart<'static>,
    field: Field<'static>,
    name: FileName,
    sent: ClientMetadata,
    others: Others,
}

/// Fields beside the file. They are read and ignored.
struct Others {
    fields: usize,
    bytes: usize,
}

impl Others {
    async fn skip(&mut self, mut field: Field<'static>) -> Result<(), Problem> {
        let many = || Problem::new(ProblemCode::BadRequest).with_detail(key::PROBLEM_MANY_FIELDS, Vec::new());
        self.fields = self.fields.checked_sub(1).ok_or_else(many)?;
        while let Some(chunk) = field.chunk().await.map_err(map_multer_error)? {
            self.bytes = self.bytes.checked_sub(chunk.len()).ok_or_else(many)?;
        }
        Ok(())
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin + Send + 'static> MultipartUpload<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body: Arc::new(tokio::sync::Mutex::new(body)),
            envelope: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// Reads up to the file.
    pub(crate) async fn open(&self, announced: Announced) -> Result<FilePart<'_, B>, Problem> {
        let Announced { boundary, max, .. } = announced;
        // The file itself is counted by the upload; this bound is for what multer would gather around it.
        let bounds = SizeLimit::new().whole_stream(max.saturating_add(3 * MAX_READ_AHEAD as u64));
        let mut form =
            Multipart::with_constraints(self.stream(), boundary, Constraints::new().size_limit(bounds));
        let mut others = Others { fields: MAX_FIELDS, bytes: MAX_ENVELOPE };
        let (field, name) = self.with_envelope_limit(find_file(&mut form, &mut others)).await?;
        let (name, sent) = match name {
            Ok(name) => (FileName::from_upload(&name).map_err(|e| bad_name(&e))?, name),
            Err(UnreadableName) => {
                return Err(
                    Problem::new(ProblemCode::BadName).saying(key::PROBLEM_NAME_UNREADABLE, Vec::new())
                );
            }
        };
        refuse_encoding(field.headers())?;
        let sent = ClientMetadata {
            name: sent,
            media_type: field.content_type().map(|kind| kind.essence_str().to_owned()),
        };
        Ok(FilePart { source: self, form, field, name, sent, others })
    }

    fn stream(&self) -> impl futures_util::Stream<Item = Result<Bytes, LimitHit>> + Send + 'static {
        let state = (Arc::clone(&self.body), Arc::clone(&self.envelope), Pace::default());
        try_unfold(state, |(body, envelope, mut pace)| async move {
            let (begun, patience) = (Instant::now(), pace.patience());
            let slow = |problem: Problem| match problem.code {
                ProblemCode::RequestTimeout if patience < STALLED => LimitHit::Slow,
                code => LimitHit::Because(code),
            };
            let data = next_data(&mut *body.lock().await, patience.min(STALLED)).await.map_err(slow)?;
            let Some(data) = data else { return Ok(None) };
            pace.note(begun.elapsed(), data.len());
            let left = envelope.load(Ordering::Relaxed);
            if left != usize::MAX {
                let left = left.checked_sub(data.len()).ok_or(LimitHit::Because(ProblemCode::BadRequest))?;
                envelope.store(left, Ordering::Relaxed);
            }
            Ok(Some((data, (body, envelope, pace))))
        })
    }

    /// Runs steps of multer that gather in memory, under a bound.
    async fn with_envelope_limit<T>(
        &self,
        steps: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        self.envelope.store(MAX_READ_AHEAD, Ordering::Relaxed);
        let result = steps.await;
        self.envelope.store(usize::MAX, Ordering::Relaxed);
        result
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin + Send + 'static> FilePart<'_, B> {
    /// The next bytes of the file.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.chunk().await.map_err(map_multer_error)
    }

    /// The file's name, and what the sender's program said of the file, once the form has ended as it should:
    /// only a body that came whole is a file, and a second file in it was not asked for.
    pub(crate) async fn end(self) -> Result<(FileName, ClientMetadata), Problem> {
        let Self { source, mut form, field, name, sent, mut others } = self;
        drop(field);
        let rest = async {
            while let Some(field) = form.next_field().await.map_err(map_multer_error)? {
                if Disposition::of(field.headers()).field.as_deref() == Some(FIELD.as_bytes()) {
                    return Err(
                        Problem::new(ProblemCode::BadRequest).with_detail(key::PROBLEM_ONE_FILE, Vec::new())
                    );
                }
                others.skip(field).await?;
            }
            Ok(())
        };
        source.with_envelope_limit(rest).await?;
        Ok((name, sent))
    }
}

/// Reads up to the field of the file, and the name that it came with.
async fn find_file(
    form: &mut Multipart<'static>,
    others: &mut Others,
) -> Result<(Field<'static>, Result<String, UnreadableName>), Problem> {
    let missing = || Problem::new(ProblemCode::BadRequest).about(FIELD);
    loop {
        let field = form.next_field().await.map_err(map_multer_error)?.ok_or_else(missing)?;
        let Disposition { field: name, file_name } = Disposition::of(field.headers());
        if name.as_deref() == Some(FIELD.as_bytes()) {
            return Ok((field, file_name.ok_or_else(missing)?));
        }
        others.skip(field).await?;
    }
}

/// Refuses a file whose bytes are not as they stand. RFC 7578 section 4.7 deprecates the header; what it may
/// still say is that they are.
fn refuse_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &http::HeaderValue| {
        let value = value.as_bytes().trim_ascii();
        [&b"7bit"[..], b"8bit", b"binary"].iter().any(|known| value.eq_ignore_ascii_case(known))
    };
    if headers.get_all("content-transfer-encoding").iter().all(plain) {
        return Ok(());
    }
    let refused = Problem::new(ProblemCode::UnsupportedMediaType);
    Err(refused.with_detail(key::PROBLEM_ENCODING, Vec::new()))
}

fn too_large(max: u64) -> Problem {
    UploadError::TooLarge { max }.into()
}

fn too_slow() -> Problem {
    let least = (LEAST_SPEED / 1024).to_string();
    Problem::new(ProblemCode::RequestTimeout).with_detail(key::PROBLEM_SLOW_UPLOAD, vec![("least", least)])
}

fn bad_name(error: &NameError) -> Problem {
    let problem = Problem::new(ProblemCode::BadName);
    match error {
        NameError::Empty => problem.saying(key::PROBLEM_NAME_EMPTY, Vec::new()),
        NameError::TooLong => problem.saying(key::PROBLEM_NAME_TOO_LONG, Vec::new()),
    }
}

/// Reason for the early end of the stream that multer reads.
#[derive(Debug, thiserror::Error)]
#[error("the body ended early")]
enum LimitHit {
    Because(ProblemCode),
    /// Slower than the least speed.
    Slow,
}

/// multer's errors as answers: the client's stream broke, something is too large, or it is no such form.
fn map_multer_error(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(cause) => {
            let code = match cause.downcast_ref::<LimitHit>() {
                Some(LimitHit::Slow) => return too_slow(),
                Some(LimitHit::Because(code)) => *code,
                None => ProblemCode::BadRequest,
            };
            Problem::new(code).about("multipart/form-data")
        }
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Problem::new(ProblemCode::TooLarge)
        }
        // httparse reads no folded lines, which mail libraries write for long names.
        multer::Error::ReadHeaderFailed(_)
        | multer::Error::DecodeHeaderName { .. }
        | multer::Error::DecodeHeaderValue { .. } => {
            Problem::new(ProblemCode::BadName).with_detail(key::PROBLEM_PART_HEADER, Vec::new())
        }
        _ => Problem::new(ProblemCode::BadRequest).about("multipart/form-data"),
    }
}
