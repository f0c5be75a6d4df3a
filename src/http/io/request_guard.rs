//! Every request's head is looked at as it was sent, before hyper reads it: one framing, strict line ends,
//! bounds. What fails is answered here, with the headers of every other answer, and nothing behind it is read
//! as a request.
//!
//! hyper takes a bare line feed for a line end, and drops a length that stands beside `Transfer-Encoding`.
//! Both are allowed, and both are what a request is smuggled with past a proxy that reads them the other way.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::Endpoints;

use crate::http::io::framing::{HeadEnd, MAX_HEAD, Next, find_head_end, framing, whole};
use crate::http::io::linger::Linger;
use crate::http::io::timeout_stream::{ConnPhase, TimeoutStream};
use crate::http::response::headers::apply_security_headers;

/// Bytes read at once while a head is due and some of it is there; also what is kept of requests that were
/// sent ahead.
const CHUNK: usize = 4096;
/// hyper's buffer takes a head straight from the stream while it is no larger. What turns out to be none
/// moves into `buf`, which holds as much as a head anyway.
const DIRECT: usize = 4 * CHUNK;

/// Result of a read into hyper's buffer.
enum HeadRead {
    /// A whole head.
    Whole,
    /// Nothing: the client has ended.
    End,
    /// Bytes that are no complete head.
    Other,
}

/// A stream of requests whose heads hyper may read.
pub(crate) struct RequestGuard<S> {
    io: TimeoutStream<S>,
    phase: ConnPhase,
    secure: bool,
    /// Read and not handed on.
    buf: Vec<u8>,
    /// Bytes of `buf` that may be handed on.
    deliverable: usize,
    /// Bytes of `buf` in which no end of a head was found.
    scanned: usize,
    next: Next,
    /// Some of an answer is not out yet.
    unsent: bool,
    /// Task that waits until it is out.
    waiting: Option<Waker>,
    refusal: Option<RejectedHead>,
    /// The connection is ending while the client may be sending.
    linger: Option<Box<Linger>>,
}

impl<S> RequestGuard<S> {
    pub(crate) fn new(io: TimeoutStream<S>, phase: ConnPhase, secure: bool) -> Self {
        let (buf, next) = (Vec::new(), Next::Head);
        Self {
            io,
            phase,
            secure,
            buf,
            deliverable: 0,
            scanned: 0,
            next,
            unsent: false,
            waiting: None,
            refusal: None,
            linger: None,
        }
    }

    /// The stream below, and what was read and not handed on.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.io.into_inner(), self.buf)
    }

    /// Looks for the end of the head that `buf` begins with; true when it may be handed on.
    fn check_head(&mut self) -> Result<bool, StatusCode> {
        while self.scanned < 2 && self.buf.starts_with(b"\r\n") {
            // RFC 9112 section 2.2: an empty line before a request is passed over.
            self.buf.drain(..2);
            self.scanned = 0;
        }
        let end = match find_head_end(&self.buf, &mut self.scanned) {
            HeadEnd::Malformed => return Err(StatusCode::BAD_REQUEST),
            HeadEnd::Missing if self.buf.len() <= MAX_HEAD => return Ok(false),
            HeadEnd::At(end) if end <= MAX_HEAD => end,
            HeadEnd::Missing | HeadEnd::At(_) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        };
        self.next = framing(&self.buf[..end])?;
        (self.deliverable, self.scanned) = (end, 0);
        self.note_body();
        Ok(true)
    }

    /// Tells the service whether more of the body is to come than what was read with its head.
    fn note_body(&self) {
        let here = self.buf.len().saturating_sub(self.deliverable) as u64;
        self.phase.set_body_due(matches!(self.next, Next::Body(left) if left > here));
    }

    /// Returns true if the client may be sending, or has sent, bytes that were not read.
    fn is_heard_out(&self) -> bool {
        matches!(self.next, Next::Head | Next::Body(0)) && self.buf.is_empty()
    }
}

impl<S: AsyncRead + Unpin> RequestGuard<S> {
    /// Reads into `buf`; nought is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
        let mut read = ReadBuf::uninit(&mut chunk);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        self.buf.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Reads a head straight into hyper's buffer and lets it stand there if it is whole and alone, as a
    /// browser sends it. What is otherwise moves into `buf`. Nought is the end.
    fn poll_head(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<HeadRead>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, out))?;
        let read = &out.filled()[before..];
        if read.is_empty() {
            return Poll::Ready(Ok(HeadRead::End));
        }
        if let Some(next) = whole(read) {
            self.next = next;
            self.note_body();
            return Poll::Ready(Ok(HeadRead::Whole));
        }
        self.buf.extend_from_slice(read);
        out.set_filled(before);
        Poll::Ready(Ok(HeadRead::Other))
    }

    /// Up to `most` bytes of a body straight into hyper's buffer.
    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
        most: u64,
    ) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.remaining());
        let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        out.advance(read);
        Poll::Ready(Ok(read))
    }

    fn deliver(&mut self, out: &mut ReadBuf<'_>) {
        let len = self.deliverable.min(out.remaining());
        out.put_slice(&self.buf[..len]);
        self.buf.drain(..len);
        self.deliverable -= len;
        if self.buf.is_empty() {
            // Thousands of quiet connections hold nothing.
            self.buf = Vec::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin> AsyncRead for RequestGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Some(refusal) = &mut this.refusal {
                return refusal.poll(&mut this.io, cx);
            }
            if this.deliverable > 0 {
                this.deliver(out);
                return Poll::Ready(Ok(()));
            }
            match this.next {
                Next::Body(0) => this.next = Next::Head,
                Next::Body(left) if !this.buf.is_empty() => {
                    this.deliverable = usize::try_from(left).unwrap_or(usize::MAX).min(this.buf.len());
                    this.next = Next::Body(left - this.deliverable as u64);
                }
                Next::Unchecked if !this.buf.is_empty() => this.deliverable = this.buf.len(),
                Next::Body(left) => {
                    let read = ready!(this.poll_body(cx, out, left))?;
                    this.next = Next::Body(left - read as u64);
                    this.note_body();
                    return Poll::Ready(Ok(()));
                }
                Next::Unchecked => return Pin::new(&mut this.io).poll_read(cx, out),
                Next::Head if this.unsent || this.phase.is_busy() => {
                    // hyper looks for the client's hanging up. What was sent ahead waits until this request
                    // is answered.
                    if this.buf.is_empty() && ready!(this.poll_fill(cx))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if this.unsent {
                        this.waiting = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    ready!(this.phase.poll_free(cx));
                }
                Next::Head if this.buf.is_empty() && out.remaining() <= DIRECT => {
                    match ready!(this.poll_head(cx, out))? {
                        HeadRead::Whole | HeadRead::End => return Poll::Ready(Ok(())),
                        HeadRead::Other => {}
                    }
                }
                Next::Head => match this.check_head() {
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
                        this.refusal = Some(RejectedHead::new(status, this.secure));
                    }
                },
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin> AsyncWrite for RequestGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unsent = true;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
        let linger = this.linger.get_or_insert_with(|| Box::new(Linger::new(this.phase.client())));
        linger.poll(this.io.inner_mut(), cx)
    }
}

/// An answer to what was no request, and the end of the connection; for hyper the client has hung up.
struct RejectedHead {
    answer: Vec<u8>,
    written: usize,
    flushed: bool,
    linger: Linger,
}

impl RejectedHead {
    fn new(status: StatusCode, secure: bool) -> Self {
        let mut headers = HeaderMap::new();
        apply_security_headers(&mut headers, secure);
        // RFC 9110 section 6.6.1: who has a clock says the time with every refusal.
        let date = httpdate::fmt_http_date(SystemTime::now());
        let mut answer =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: {date}\r\n")
                .into_bytes();
        for (name, value) in &headers {
            answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        answer.extend_from_slice(b"\r\n");
        Self { answer, written: 0, flushed: false, linger: Linger::brief() }
    }

    fn poll<S: AsyncRead + AsyncWrite + Endpoints + Unpin>(
        &mut self,
        io: &mut TimeoutStream<S>,
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

#[cfg(test)]
#[path = "request_guard_tests.rs"]
mod tests;
