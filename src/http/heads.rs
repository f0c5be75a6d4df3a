//! Every request's head is looked at as it was sent, before hyper reads it: one framing, strict line ends, bounds. What fails is
//! answered here, with the headers of every other answer, and nothing behind it is read as a request.
//!
//! hyper takes a bare line feed for a line end, and drops a length that stands beside `Transfer-Encoding`. Both are allowed, and both
//! are what a request is smuggled with past a proxy that reads them the other way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::Endpoints;

use super::headers::harden;
use super::linger::Linger;
use super::timed::{Phase, Timed};

/// Bytes of a request's head (`docs/LIMITS.md`).
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Fields of a request's head.
const MAX_FIELDS: usize = 64;
/// The longest body that a head may announce; what may be sent is far less, and each route's own affair.
const MAX_LENGTH: u64 = u64::MAX / 2;
/// Bytes read at once while a head is due; also what is kept of requests that were sent ahead.
const CHUNK: usize = 4096;

/// What follows in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Head,
    /// So many bytes of a body, then a head.
    Body(u64),
    /// Nothing that is looked at: a body in chunks, or another protocol. The answer says that the connection ends.
    Rest,
}

/// Whether what follows a head is not looked at, so that no further request may be read from that connection.
pub(super) fn is_last(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::TRANSFER_ENCODING) || headers.contains_key(http::header::UPGRADE)
}

/// A stream of requests whose heads hyper may read.
pub(super) struct Heads<S> {
    io: Timed<S>,
    phase: Phase,
    secure: bool,
    /// Read and not handed on.
    buf: Vec<u8>,
    /// Bytes of `buf` that may be handed on.
    passed: usize,
    /// Bytes of `buf` in which no end of a head was found.
    scanned: usize,
    next: Next,
    /// Some of an answer is not out yet.
    unsent: bool,
    /// Who waits until it is.
    waiting: Option<Waker>,
    refusal: Option<Refusal>,
    /// The connection is ending while the client may be sending.
    linger: Option<Box<Linger>>,
}

impl<S> Heads<S> {
    pub(super) fn new(io: Timed<S>, phase: Phase, secure: bool) -> Self {
        let (buf, next) = (Vec::new(), Next::Head);
        Self { io, phase, secure, buf, passed: 0, scanned: 0, next, unsent: false, waiting: None, refusal: None, linger: None }
    }

    /// The stream below, and what was read and not handed on.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        (self.io.into_inner(), self.buf)
    }

    /// Looks for the end of the head that `buf` begins with; true when it may be handed on.
    fn look(&mut self) -> Result<bool, StatusCode> {
        while self.scanned < 2 && self.buf.starts_with(b"\r\n") {
            // RFC 9112 section 2.2: an empty line before a request is passed over.
            self.buf.drain(..2);
            self.scanned = 0;
        }
        let end = end(&self.buf, &mut self.scanned).ok_or(StatusCode::BAD_REQUEST)?;
        if end.unwrap_or(self.buf.len()) > MAX_HEAD {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let Some(end) = end else { return Ok(false) };
        self.next = framing(&self.buf[..end])?;
        (self.passed, self.scanned) = (end, 0);
        self.note_body();
        Ok(true)
    }

    /// Tells the service whether more of the body is to come than what was read with its head.
    fn note_body(&self) {
        let here = self.buf.len().saturating_sub(self.passed) as u64;
        self.phase.set_body_due(matches!(self.next, Next::Body(left) if left > here));
    }

    /// Returns true if the client may be sending, or has sent, bytes that were not read.
    fn is_heard_out(&self) -> bool {
        matches!(self.next, Next::Head | Next::Body(0)) && self.buf.is_empty()
    }
}

impl<S: AsyncRead + Unpin> Heads<S> {
    /// Reads into `buf`; nought is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [0; CHUNK];
        let mut read = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        self.buf.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Up to `most` bytes of a body straight into hyper's buffer.
    fn poll_body(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>, most: u64) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.remaining());
        let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        out.advance(read);
        Poll::Ready(Ok(read))
    }

    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let len = self.passed.min(out.remaining());
        out.put_slice(&self.buf[..len]);
        self.buf.drain(..len);
        self.passed -= len;
        if self.buf.is_empty() {
            // Thousands of quiet connections hold nothing.
            self.buf = Vec::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin> AsyncRead for Heads<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Some(refusal) = &mut this.refusal {
                return refusal.poll(&mut this.io, cx);
            }
            if this.passed > 0 {
                this.hand_on(out);
                return Poll::Ready(Ok(()));
            }
            match this.next {
                Next::Body(0) => this.next = Next::Head,
                Next::Body(left) if !this.buf.is_empty() => {
                    this.passed = usize::try_from(left).unwrap_or(usize::MAX).min(this.buf.len());
                    this.next = Next::Body(left - this.passed as u64);
                }
                Next::Rest if !this.buf.is_empty() => this.passed = this.buf.len(),
                Next::Body(left) => {
                    let read = ready!(this.poll_body(cx, out, left))?;
                    this.next = Next::Body(left - read as u64);
                    this.note_body();
                    return Poll::Ready(Ok(()));
                }
                Next::Rest => return Pin::new(&mut this.io).poll_read(cx, out),
                Next::Head if this.unsent || this.phase.is_busy() => {
                    // hyper looks for the client's hanging up. What was sent ahead waits until this request is answered.
                    if this.buf.is_empty() && ready!(this.poll_fill(cx))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if this.unsent {
                        this.waiting = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    ready!(this.phase.poll_free(cx));
                }
                Next::Head => match this.look() {
                    Ok(true) => {}
                    Ok(false) => {
                        if !this.buf.is_empty() {
                            this.phase.head_begun();
                        }
                        if ready!(this.poll_fill(cx))? == 0 {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Err(status) => {
                        this.phase.reject(status);
                        this.refusal = Some(Refusal::new(status, this.secure));
                    }
                },
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin> AsyncWrite for Heads<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unsent = true;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.unsent = true;
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has handed everything down.
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.unsent = false;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refusal.is_some() || (this.linger.is_none() && this.is_heard_out()) {
            return Pin::new(&mut this.io).poll_shutdown(cx);
        }
        let linger = this.linger.get_or_insert_with(|| Box::new(Linger::new(this.phase.is_signed_in())));
        linger.poll(this.io.inner_mut(), cx)
    }
}

/// An answer to what was no request, and the end of the connection; for hyper the client has hung up.
struct Refusal {
    answer: Vec<u8>,
    written: usize,
    flushed: bool,
    linger: Linger,
}

impl Refusal {
    fn new(status: StatusCode, secure: bool) -> Self {
        let mut headers = HeaderMap::new();
        harden(&mut headers, secure);
        // RFC 9110 section 6.6.1: who has a clock says the time with every refusal.
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: {date}\r\n").into_bytes();
        for (name, value) in &headers {
            answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        answer.extend_from_slice(b"\r\n");
        Self { answer, written: 0, flushed: false, linger: Linger::brief() }
    }

    fn poll<S: AsyncRead + AsyncWrite + Endpoints + Unpin>(
        &mut self,
        io: &mut Timed<S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.answer.len() {
            match ready!(Pin::new(&mut *io).poll_write(cx, &self.answer[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.written += n,
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut *io).poll_flush(cx))?;
            self.flushed = true;
        }
        self.linger.poll(io.inner_mut(), cx)
    }
}

/// Where the head that `buf` begins with ends, looking from `scanned` on; `None` when it cannot be one: each line ends with CR LF,
/// and there is no other control character than the tab.
#[allow(clippy::option_option, reason = "not a head; not yet a whole one; one of so many bytes")]
fn end(buf: &[u8], scanned: &mut usize) -> Option<Option<usize>> {
    while let Some(&byte) = buf.get(*scanned) {
        let before = &buf[..*scanned];
        match byte {
            b'\n' if before.ends_with(b"\r\n\r") => return Some(Some(*scanned + 1)),
            b'\n' if before.ends_with(b"\r") => {}
            b'\n' | 0x7f => return None,
            _ if before.ends_with(b"\r") => return None,
            0..b' ' if byte != b'\r' && byte != b'\t' => return None,
            _ => {}
        }
        *scanned += 1;
    }
    Some(None)
}

/// What follows a whole head; a status when it is none, or when it says two things about its body (RFC 9112 section 6.3).
fn framing(head: &[u8]) -> Result<Next, StatusCode> {
    let bad = StatusCode::BAD_REQUEST;
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        // One head, not two of which only the second ends as it should.
        Ok(httparse::Status::Complete(parsed)) if parsed == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Ok(_) | Err(_) => return Err(bad),
    }
    // As hyper will read them.
    Method::from_bytes(request.method.unwrap_or_default().as_bytes()).map_err(|_| bad)?;
    Uri::try_from(request.path.unwrap_or_default()).map_err(|_| bad)?;
    let (mut length, mut chunked, mut upgrade) = (None, false, false);
    for field in request.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let digits = str::from_utf8(field.value).ok().filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
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
        (_, true) => Ok(Next::Rest),
        _ if upgrade => Ok(Next::Rest),
        (length, false) => Ok(Next::Body(length.unwrap_or(0))),
    }
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
