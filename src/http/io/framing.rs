//! The text of a request's head: where it ends, and what follows it.

use std::mem::MaybeUninit;

use http::{HeaderMap, Method, StatusCode, Uri};

/// Bytes of a request's head (`docs/LIMITS.md`).
pub(crate) const MAX_HEAD: usize = 32 * 1024;
/// Fields of a request's head.
pub(crate) const MAX_FIELDS: usize = 64;
/// The longest body that a head may announce; what may be sent is far less, and each route's own affair.
const MAX_LENGTH: u64 = u64::MAX / 2;

/// Content of the stream after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Head,
    /// So many bytes of a body, then a head.
    Body(u64),
    /// Nothing that is looked at: a body in chunks, or another protocol. The answer says that the connection
    /// ends.
    Unchecked,
}

/// Returns true if the bytes after the head are not checked, so that no further request may be read from the
/// connection.
pub(crate) fn must_close_after(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::TRANSFER_ENCODING) || headers.contains_key(http::header::UPGRADE)
}

/// Result of the search for the end of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    /// The bytes cannot begin a head.
    Malformed,
    /// The end has not come yet.
    Missing,
    /// The head has so many bytes.
    At(usize),
}

/// Finds the end of the head at the start of `buf`, searching from `scanned` on. Each line ends with CR LF,
/// and the only control character is the tab.
pub(crate) fn find_head_end(buf: &[u8], scanned: &mut usize) -> HeadEnd {
    while let Some(&byte) = buf.get(*scanned) {
        let before = &buf[..*scanned];
        if !is_control(byte) && !before.ends_with(b"\r") {
            *scanned += plain(&buf[*scanned..]);
            continue;
        }
        match byte {
            b'\n' if before.ends_with(b"\r\n\r") => return HeadEnd::At(*scanned + 1),
            b'\n' if before.ends_with(b"\r") => {}
            b'\r' if !before.ends_with(b"\r") => {}
            _ => return HeadEnd::Malformed,
        }
        *scanned += 1;
    }
    HeadEnd::Missing
}

/// A control character other than the tab.
const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Length of the text that `bytes` begins with: no control character in it.
fn plain(bytes: &[u8]) -> usize {
    // So many at once as the compiler puts into one comparison.
    let (chunks, _) = bytes.as_chunks::<16>();
    let len = 16
        * chunks
            .iter()
            .take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | is_control(*byte)))
            .count();
    len + bytes[len..].iter().take_while(|byte| !is_control(**byte)).count()
}

/// Returns the framing of a head that fills `read` exactly; `None` for anything else.
pub(crate) fn whole(read: &[u8]) -> Option<Next> {
    let is_whole = find_head_end(read, &mut 0) == HeadEnd::At(read.len()) && read.len() <= MAX_HEAD;
    (is_whole && !read.starts_with(b"\r\n")).then(|| framing(read).ok())?
}

/// Paths of the alphabet that needs no look at the grammar: hyper reads them as they are.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-?=&".contains(&byte);
    path.starts_with('/') && path.bytes().all(is_plain)
}

/// Returns the framing of a complete head, or a status if it is malformed or ambiguous (RFC 9112 section
/// 6.3).
pub(crate) fn framing(head: &[u8]) -> Result<Next, StatusCode> {
    let bad = StatusCode::BAD_REQUEST;
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        // One head, not two of which only the second ends as it should.
        Ok(httparse::Status::Complete(parsed)) if parsed == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Ok(_) | Err(_) => return Err(bad),
    }
    // As hyper will read them.
    Method::from_bytes(request.method.unwrap_or_default().as_bytes()).map_err(|_| bad)?;
    let path = request.path.unwrap_or_default();
    if !is_plain_path(path) {
        Uri::try_from(path).map_err(|_| bad)?;
    }
    let (mut length, mut chunked, mut upgrade) = (None, false, false);
    for field in request.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let digits = str::from_utf8(field.value)
                .ok()
                .filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
            // hyper refuses what is near 2⁶⁴, bare.
            let value: u64 = digits.and_then(|v| v.parse().ok()).filter(|n| *n <= MAX_LENGTH).ok_or(bad)?;
            if length.replace(value).is_some() {
                return Err(bad);
            }
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !field.value.eq_ignore_ascii_case(b"chunked") || request.version != Some(1) {
                return Err(bad);
            }
            chunked = true;
        } else if field.name.eq_ignore_ascii_case("upgrade") {
            upgrade = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(bad),
        (_, true) => Ok(Next::Unchecked),
        _ if upgrade => Ok(Next::Unchecked),
        (length, false) => Ok(Next::Body(length.unwrap_or(0))),
    }
}
