//! Time limits of a connection, below hyper: a head must come within 10 s, an idle connection ends after 75 s, and a client
//! that takes no byte of an answer for 30 s is given up. hyper's own timer knows one figure for head and idle alike.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A request's head, from its first byte (or from the handshake) to its last.
const HEAD: Duration = Duration::from_secs(10);
/// A connection without a request under way.
const IDLE: Duration = Duration::from_secs(75);
/// A client that takes nothing of an answer.
const STALLED_WRITE: Duration = Duration::from_secs(30);

const PHASE_IDLE: u8 = 0;
const PHASE_HEAD: u8 = 1;
const PHASE_BUSY: u8 = 2;

/// What a connection is doing, told by the service to the stream below hyper.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<State>);

#[derive(Default)]
struct State {
    phase: AtomicU8,
    /// Who waits for the end of a request.
    waiting: AtomicWaker,
}

/// A request is being answered; over when the answer's body is gone.
pub(super) struct Busy(Phase);

impl Phase {
    /// From here on a request is being answered.
    pub(super) fn busy(&self) -> Busy {
        self.0.phase.store(PHASE_BUSY, Ordering::Release);
        Busy(self.clone())
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == PHASE_BUSY
    }

    /// Waits until no request is being answered.
    pub(super) fn poll_free(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waiting.register(cx.waker());
        if self.is_busy() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// The first bytes of a head are there.
    pub(super) fn head_begun(&self) {
        let _ = self.0.phase.compare_exchange(PHASE_IDLE, PHASE_HEAD, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.phase.store(PHASE_IDLE, Ordering::Release);
        self.0.0.waiting.wake();
    }
}

/// A stream with time limits.
pub(super) struct Timed<S> {
    io: S,
    phase: Phase,
    /// The phase that `read_timer` was set for; none while a request is being answered.
    armed: Option<u8>,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Timed<S> {
    /// A new connection: its first head is due.
    pub(super) fn new(io: S, phase: Phase) -> Self {
        phase.0.phase.store(PHASE_HEAD, Ordering::Release);
        let read_timer = Box::pin(sleep_until(Instant::now() + HEAD));
        Self { io, phase, armed: Some(PHASE_HEAD), read_timer, write_timer: None }
    }

    /// The stream without its limits.
    pub(super) fn into_inner(self) -> S {
        self.io
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

    fn wrote<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_timer = None;
            return result;
        }
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + STALLED_WRITE)));
        ready!(std::future::Future::poll(timer.as_mut(), cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(cx, result)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
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
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_and_dribbling_does_not_help() {
        let (near, mut far) = duplex(64);
        let mut timed = Timed::new(near, Phase::default());
        let start = Instant::now();
        let dribble = tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let mut buf = [0; 8];
        let error = loop {
            match timed.read(&mut buf).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), HEAD.as_secs());
        drop(timed);
        let _ = dribble.await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_has_75_seconds_and_a_busy_one_all_it_needs() {
        let (near, _far) = duplex(64);
        let phase = Phase::default();
        let mut timed = Timed::new(near, phase.clone());
        let busy = phase.busy();
        let mut buf = [0; 8];
        let long = tokio::time::timeout(Duration::from_secs(500), timed.read(&mut buf)).await;
        assert!(long.is_err(), "no limit of the stream's own while a request is answered");
        drop(busy);
        let start = Instant::now();
        let error = timed.read(&mut buf).await.expect_err("idle");
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, IDLE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (near, _far) = duplex(4);
        let mut timed = Timed::new(near, Phase::default());
        let start = Instant::now();
        let error = timed.write_all(&[0; 64]).await.expect_err("stalled");
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, STALLED_WRITE.as_secs()));
    }
}
