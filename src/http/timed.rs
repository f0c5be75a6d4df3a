//! Time limits of a connection, below hyper: a head must come within 10 s, an idle connection ends after 75 s, and a client
//! that acknowledges no byte of an answer is given up. hyper's own timer knows one figure for head and idle alike.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::{Endpoints, WriteStall};

/// A request's head, from its first byte (or from the handshake) to its last.
const HEAD: Duration = Duration::from_secs(10);
/// A connection without a request under way.
const IDLE: Duration = Duration::from_secs(75);
/// A client that acknowledges nothing of an answer.
const STALLED_WRITE: Duration = Duration::from_secs(30);
/// A client that acknowledges nothing of a file. After 60 s out of the Wi-Fi's reach the kernel sends again at 102 s at the latest, as
/// its pauses double from 0.2 s. One person has at most 30 downloads within this time (10 at once, 10 a minute), of one buffer of
/// 128 KiB each: 3.75 MiB; 2,000 stalled downloads hold 250 MiB and need 67 people.
const STALLED_DOWNLOAD: Duration = Duration::from_secs(120);

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
    /// The last answer is a file.
    download: AtomicBool,
    /// The last request came with a session.
    signed_in: AtomicBool,
    /// Bytes of the request's body have not arrived.
    body_due: AtomicBool,
}

/// A request is being answered; over when the answer's body is gone.
pub(super) struct Busy(Phase);

impl Phase {
    /// From here on a request is being answered.
    pub(super) fn busy(&self) -> Busy {
        self.0.download.store(false, Ordering::Relaxed);
        self.0.signed_in.store(false, Ordering::Relaxed);
        self.0.phase.store(PHASE_BUSY, Ordering::Release);
        Busy(self.clone())
    }

    /// Whether the request that was answered last came with a session.
    pub(super) fn is_signed_in(&self) -> bool {
        self.0.signed_in.load(Ordering::Relaxed)
    }

    /// Notes whether bytes of the request's body have not arrived.
    pub(super) fn set_body_due(&self, due: bool) {
        self.0.body_due.store(due, Ordering::Relaxed);
    }

    fn write_patience(&self) -> Duration {
        if self.0.download.load(Ordering::Relaxed) { STALLED_DOWNLOAD } else { STALLED_WRITE }
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

impl Busy {
    /// The answer is a file.
    pub(super) fn downloads(&self) {
        self.0.0.download.store(true, Ordering::Relaxed);
    }

    /// The request came with a session.
    pub(super) fn signed_in(&self) {
        self.0.0.signed_in.store(true, Ordering::Relaxed);
    }

    /// Whether bytes of the request's body have not arrived: an answer now is an early one.
    pub(super) fn is_body_due(&self) -> bool {
        self.0.0.body_due.load(Ordering::Relaxed)
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
    stall: Option<WriteStall>,
}

impl<S> Timed<S> {
    /// A new connection: its first head is due.
    pub(super) fn new(io: S, phase: Phase) -> Self {
        phase.0.phase.store(PHASE_HEAD, Ordering::Release);
        let read_timer = Box::pin(sleep_until(Instant::now() + HEAD));
        Self { io, phase, armed: Some(PHASE_HEAD), read_timer, stall: None }
    }

    /// The stream without its limits.
    pub(super) fn into_inner(self) -> S {
        self.io
    }

    /// The stream below, for bytes that are not part of a request.
    pub(super) fn inner_mut(&mut self) -> &mut S {
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

impl<S: Endpoints> Timed<S> {
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

impl<S: AsyncWrite + Endpoints + Unpin> AsyncWrite for Timed<S> {
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

    #[tokio::test(start_paused = true)]
    async fn stalled_download_has_two_minutes() {
        let (near, _far) = duplex(4);
        let phase = Phase::default();
        let mut timed = Timed::new(near, phase.clone());
        let busy = phase.busy();
        busy.downloads();
        drop(busy);
        let start = Instant::now();
        let error = timed.write_all(&[0; 64]).await.expect_err("stalled");
        assert_eq!((error.kind(), start.elapsed()), (io::ErrorKind::TimedOut, STALLED_DOWNLOAD));
    }

    /// Paused time and a real connection. The reader takes 4 KiB a second of buffers of megabytes, which the kernel calls writable again
    /// only when a third of them is free.
    #[tokio::test(start_paused = true)]
    async fn slow_download_that_goes_on_is_kept() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = tokio::net::TcpStream::connect(listener.local_addr().expect("bound"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (mut client, server) = (client.expect("connects"), accepted.expect("a client").0);
        let reader = tokio::spawn(async move {
            let mut chunk = vec![0; 64 * 1024];
            for _ in 0..500 {
                tokio::time::sleep(Duration::from_secs(10)).await;
                client.read_exact(&mut chunk).await.expect("more to read");
            }
            tokio::time::sleep(Duration::from_secs(3600)).await;
        });
        let phase = Phase::default();
        let mut timed = Timed::new(server, phase.clone());
        let busy = phase.busy();
        busy.downloads();
        let start = Instant::now();
        let error = timed.write_all(&vec![0; 64 << 20]).await.expect_err("it stops at last");
        let lived = start.elapsed().as_secs();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // The kernel's own timers run in real time, so its last acknowledgement may seem late.
        assert!((5000..=5600).contains(&lived), "two minutes after its last byte: {lived}");
        reader.abort();
    }
}
