//! Time limits of a connection, below hyper: a head must come within 10 s, an idle connection ends after 75
//! s, and a client that acknowledges no byte of an answer is given up. hyper's own timer knows one figure for
//! head and idle alike.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::io::linger::LingerClient;
use crate::limits::{Endpoints, WriteStall};
use crate::locks::lock;

/// A request's head, from its first byte (or from the handshake) to its last.
const HEAD: Duration = Duration::from_secs(10);
/// A connection without a request under way.
const IDLE: Duration = Duration::from_secs(75);
/// A client that acknowledges nothing of an answer.
const STALLED_WRITE: Duration = Duration::from_secs(30);
/// A client that acknowledges nothing of a file. After 60 s out of the Wi-Fi's reach the kernel sends again
/// at 102 s at the latest, as its pauses double from 0.2 s. Each holds one buffer of 128 KiB. Parts of one
/// file cost no further token, so one person is bounded by a share of connections: 512 of them hold 64 MiB,
/// and all 2048 connections 256 MiB, which takes four people.
const STALLED_DOWNLOAD: Duration = Duration::from_secs(120);

const PHASE_IDLE: u8 = 0;
const PHASE_HEAD: u8 = 1;
const PHASE_BUSY: u8 = 2;

/// Phase of a connection, set by the service and read by the stream below hyper.
#[derive(Clone, Default)]
pub(crate) struct ConnPhase(Arc<PhaseState>);

#[derive(Default)]
struct PhaseState {
    phase: AtomicU8,
    /// Task that waits for the end of a request.
    waiting: AtomicWaker,
    /// The last answer is a file.
    download: AtomicBool,
    /// Client of the last request.
    client: Mutex<Option<LingerClient>>,
    /// Bytes of the request's body have not arrived.
    body_due: AtomicBool,
    /// Status of the answer to a head that was refused; 0 while none was.
    rejected: AtomicU16,
}

/// A request is being answered; over when the answer's body is gone.
pub(crate) struct BusyGuard(ConnPhase);

impl ConnPhase {
    /// From here on a request is being answered.
    pub(crate) fn busy(&self) -> BusyGuard {
        self.0.download.store(false, Ordering::Relaxed);
        self.0.phase.store(PHASE_BUSY, Ordering::Release);
        BusyGuard(self.clone())
    }

    /// Returns the client of the last request.
    pub(crate) fn client(&self) -> Option<LingerClient> {
        *lock(&self.0.client)
    }

    /// Notes whether bytes of the request's body have not arrived.
    pub(crate) fn set_body_due(&self, due: bool) {
        self.0.body_due.store(due, Ordering::Relaxed);
    }

    /// Notes the answer to a head that was refused before hyper saw it.
    pub(crate) fn reject(&self, status: StatusCode) {
        self.0.rejected.store(status.as_u16(), Ordering::Relaxed);
    }

    /// Returns the status of that answer, if a head was refused.
    pub(crate) fn rejected(&self) -> Option<u16> {
        Some(self.0.rejected.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    fn write_patience(&self) -> Duration {
        if self.0.download.load(Ordering::Relaxed) { STALLED_DOWNLOAD } else { STALLED_WRITE }
    }

    /// Returns true while a request is being answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == PHASE_BUSY
    }

    /// Waits until no request is being answered.
    pub(crate) fn poll_free(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waiting.register(cx.waker());
        if self.is_busy() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// The first bytes of a head are there.
    pub(crate) fn head_begun(&self) {
        let _ = self.0.phase.compare_exchange(PHASE_IDLE, PHASE_HEAD, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl BusyGuard {
    /// The answer is a file.
    pub(crate) fn downloads(&self) {
        self.0.0.download.store(true, Ordering::Relaxed);
    }

    /// Notes the client of the request.
    pub(crate) fn set_client(&self, client: LingerClient) {
        *lock(&self.0.0.client) = Some(client);
    }

    /// Returns true while bytes of the request's body have not arrived: an answer now is an early one.
    pub(crate) fn is_body_due(&self) -> bool {
        self.0.0.body_due.load(Ordering::Relaxed)
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.0.phase.store(PHASE_IDLE, Ordering::Release);
        self.0.0.waiting.wake();
    }
}

/// A stream with time limits.
pub(crate) struct TimeoutStream<S> {
    io: S,
    phase: ConnPhase,
    /// The phase that `read_timer` was set for; none while a request is being answered.
    armed: Option<u8>,
    read_timer: Pin<Box<Sleep>>,
    stall: Option<WriteStall>,
}

impl<S> TimeoutStream<S> {
    /// A new connection: its first head is due.
    pub(crate) fn new(io: S, phase: ConnPhase) -> Self {
        phase.0.phase.store(PHASE_HEAD, Ordering::Release);
        let read_timer = Box::pin(sleep_until(Instant::now() + HEAD));
        Self { io, phase, armed: Some(PHASE_HEAD), read_timer, stall: None }
    }

    /// The stream without its limits.
    pub(crate) fn into_inner(self) -> S {
        self.io
    }

    /// The stream below, for bytes that are not part of a request.
    pub(crate) fn inner_mut(&mut self) -> &mut S {
        &mut self.io
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let phase = self.phase.0.phase.load(Ordering::Acquire);
        if phase == PHASE_BUSY {
            self.armed = None;
            return Poll::Pending;
        }
        if self.armed != Some(phase) {
            let limit = if phase == PHASE_HEAD { HEAD } else { IDLE };
            self.read_timer.as_mut().reset(Instant::now() + limit);
            self.armed = Some(phase);
        }
        std::future::Future::poll(self.read_timer.as_mut(), cx)
    }
}

impl<S: Endpoints> TimeoutStream<S> {
    fn wrote<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stall = None;
            return result;
        }
        let stall = self.stall.get_or_insert_with(|| WriteStall::new(self.phase.write_patience()));
        ready!(stall.poll_given_up(cx, || self.io.ends()));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if buf.filled().len() > before {
                    self.phase.head_begun();
                }
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_overdue(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncWrite + Endpoints + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "timeout_stream_tests.rs"]
mod tests;
