//! Handing a file out: always as an attachment, whole or in part.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::quarantine::{ByteRange, FileRecord};

use crate::http::percent::percent_encode;
use crate::http::request::precondition::{Precondition, Validators, evaluate};
use crate::http::response::body::Body;
use crate::http::response::headers::{self, CSP_FILE};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::response::transliterate::ascii;

/// Part of a file that a request selects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The browser has it already.
    NotModified,
    /// `len` bytes from `first` on.
    Bytes { first: u64, len: u64, part: bool },
}

/// Evaluates the preconditions and `Range` (RFC 9110 sections 13 and 14).
pub(crate) fn wanted(method: &Method, headers: &HeaderMap, file: &FileRecord) -> Result<Selection, Problem> {
    let etag = etag(file);
    let ranged = match evaluate(method, headers, Validators { etag: &etag, modified: modified(file) }) {
        Precondition::NotModified => return Ok(Selection::NotModified),
        Precondition::Failed => return Err(Problem::new(ProblemCode::PreconditionFailed)),
        Precondition::Perform { ranged } => ranged,
    };
    let mut lines = headers.get_all(header::RANGE).iter();
    let range = match (lines.next().and_then(|line| line.to_str().ok()), lines.next()) {
        (Some(range), None) if ranged => ByteRange::parse(range, file.size),
        _ => ByteRange::Whole,
    };
    match range {
        ByteRange::Whole => Ok(Selection::Bytes { first: 0, len: file.size, part: false }),
        ByteRange::Part { first, last } => Ok(Selection::Bytes { first, len: last - first + 1, part: true }),
        ByteRange::Unsatisfiable => {
            let total = value(&format!("bytes */{}", file.size));
            Err(Problem::new(ProblemCode::RangeNotSatisfiable).header(header::CONTENT_RANGE, total))
        }
    }
}

fn etag(file: &FileRecord) -> String {
    format!("\"{}\"", file.sha256)
}

/// `Last-Modified` in whole seconds, as HTTP writes it.
fn modified(file: &FileRecord) -> Option<SystemTime> {
    let seconds = u64::try_from(file.uploaded_at.0).ok()? / 1000;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The answer that carries `body`.
pub(crate) fn response(file: &FileRecord, wanted: &Selection, body: Body) -> Response<Body> {
    let mut response = headers::response(body);
    let fields = response.headers_mut();
    fields.insert(header::ETAG, value(&etag(file)));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_FILE));
    if let Some(modified) = modified(file) {
        fields.insert(header::LAST_MODIFIED, value(&httpdate::fmt_http_date(modified)));
    }
    let status = match *wanted {
        Selection::NotModified => StatusCode::NOT_MODIFIED,
        Selection::Bytes { first, len, part } => {
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            fields.insert(header::CONTENT_DISPOSITION, value(&disposition(file.name.as_str())));
            if part {
                fields.insert(
                    header::CONTENT_RANGE,
                    value(&format!("bytes {first}-{}/{}", first + len - 1, file.size)),
                );
                StatusCode::PARTIAL_CONTENT
            } else {
                StatusCode::OK
            }
        }
    };
    *response.status_mut() = status;
    response
}

fn value(text: &str) -> HeaderValue {
    // Digits, hexadecimal, percent-encoding and fixed words only.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// `Content-Disposition` of RFC 6266: an ASCII name for old clients, and the name itself in UTF-8.
fn disposition(name: &str) -> String {
    let plain = ascii(name);
    // attr-char of RFC 8187 section 3.2.1.
    let encoded = percent_encode(name, |b| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b));
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    use crate::clock::Timestamp;
    use crate::quarantine::{FileId, FileName, FileState};
    use crate::types::crypto::Sha256;

    fn file(name: &str) -> FileRecord {
        FileRecord {
            id: FileId::random(),
            name: FileName::from_upload(name).expect("valid"),
            size: 10,
            sha256: Sha256::of(b"x"),
            media_type: "text/html".into(),
            state: FileState::Received,
            reasons: vec![],
            uploaded_by: "ana".into(),
            uploader: None,
            arrival: 1,
            uploaded_at: Timestamp(0),
        }
    }

    #[test]
    fn names_are_quoted_for_old_and_new_clients() {
        assert_eq!(
            disposition("ñandú 名.txt"),
            "attachment; filename=\"nandu _.txt\"; filename*=UTF-8''%C3%B1and%C3%BA%20%E5%90%8D.txt"
        );
        assert_eq!(
            disposition("a\"b;c.txt"),
            "attachment; filename=\"a_b;c.txt\"; filename*=UTF-8''a%22b%3Bc.txt"
        );
    }

    #[test]
    fn preconditions_and_ranges() {
        let file = file("a.txt");
        let etag = etag(&file);
        let ask = |pairs: &[(HeaderName, &str)]| {
            let headers = pairs.iter().map(|(k, v)| (k.clone(), v.parse().expect("value"))).collect();
            wanted(&Method::GET, &headers, &file)
        };
        let whole = Selection::Bytes { first: 0, len: 10, part: false };
        let part = Selection::Bytes { first: 2, len: 3, part: true };
        assert_eq!(ask(&[]).expect("ok"), whole);
        assert_eq!(ask(&[(header::RANGE, "bytes=2-4")]).expect("ok"), part);
        assert_eq!(ask(&[(header::RANGE, "bytes=2-4"), (header::IF_RANGE, &etag)]).expect("ok"), part);
        assert_eq!(ask(&[(header::RANGE, "bytes=2-4"), (header::IF_RANGE, "\"other\"")]).expect("ok"), whole);
        assert_eq!(
            ask(&[(header::IF_NONE_MATCH, &format!("\"x\", W/{etag}"))]).expect("ok"),
            Selection::NotModified
        );
        assert_eq!(
            ask(&[(header::IF_MATCH, "\"other\"")]).expect_err("another").code,
            ProblemCode::PreconditionFailed
        );
        let date = "Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(ask(&[(header::RANGE, "bytes=2-4"), (header::IF_RANGE, date)]).expect("ok"), part);
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, date)]).expect("ok"), Selection::NotModified);
        let ranged = [(header::RANGE, "bytes=2-4".parse().expect("value"))].into_iter().collect();
        assert_eq!(wanted(&Method::HEAD, &ranged, &file).expect("ok"), whole, "a range is for GET");
        assert_eq!(
            ask(&[(header::RANGE, "bytes=10-")]).expect_err("out").code,
            ProblemCode::RangeNotSatisfiable
        );
    }

    #[test]
    fn a_file_is_never_shown_inline() {
        let response =
            response(&file("a.html"), &Selection::Bytes { first: 0, len: 10, part: false }, Body::empty());
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert!(header(header::CONTENT_DISPOSITION).starts_with("attachment;"));
        assert_eq!(header(header::CONTENT_TYPE), "application/octet-stream");
        assert!(header(header::CONTENT_SECURITY_POLICY).starts_with("sandbox;"));
    }
}
