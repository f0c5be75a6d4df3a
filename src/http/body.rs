//! Bodies: reading small ones whole, sending bytes and files.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::limits::AuthenticatedRequestGuard;

use super::file_stream::FileStream;
use super::problem::{Problem, ProblemCode};
use super::timeout_stream::BusyGuard;

/// A JSON or form body (`docs/LIMITS.md`).
const MAX_SMALL: usize = 64 * 1024;
/// A client that sends no byte of a body for so long has stalled.
const STALLED: Duration = Duration::from_secs(10);
/// Time limit of a JSON or form body, against clients that send a byte now and then.
const WHOLE: Duration = Duration::from_secs(15);

/// The body of an answer.
pub(super) struct Body {
    kind: BodyKind,
    /// Given back when the body is gone: then the connection is idle.
    busy: Option<(BusyGuard, Option<AuthenticatedRequestGuard>)>,
    /// Dropped with the body: then nothing is under way for a session any more.
    under_way: Option<oneshot::Sender<Infallible>>,
}

enum BodyKind {
    Bytes(Bytes),
    File(FileStream),
    Pieces(Pieces),
}

/// Bytes made while they are sent, none ahead of what the connection takes.
type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl Body {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// `left` bytes of a file from `at` on.
    pub(super) fn file(file: File, at: u64, left: u64) -> Self {
        Self { kind: BodyKind::File(FileStream::new(file, at, left)), busy: None, under_way: None }
    }

    /// The pieces of `pieces`, of unknown length.
    pub(super) fn pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { kind: BodyKind::Pieces(Box::pin(pieces)), busy: None, under_way: None }
    }

    /// Keeps the connection busy, and protected from eviction if it serves a user, until the body is dropped.
    pub(super) fn hold(&mut self, busy: BusyGuard, serving: Option<AuthenticatedRequestGuard>) {
        if matches!(self.kind, BodyKind::File(_)) {
            busy.downloads();
        }
        self.busy = Some((busy, serving));
    }

    /// Returns true where it comes from a disk or a store while it is being sent.
    pub(super) fn is_streamed(&self) -> bool {
        !matches!(self.kind, BodyKind::Bytes(_))
    }

    /// Returns a receiver that ends with the body.
    pub(super) fn watch(&mut self) -> oneshot::Receiver<Infallible> {
        let (under_way, done) = oneshot::channel();
        self.under_way = Some(under_way);
        done
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self { kind: BodyKind::Bytes(bytes.into()), busy: None, under_way: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.kind {
            BodyKind::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            BodyKind::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            BodyKind::File(stretch) => stretch.poll_next(cx).map_ok(Frame::data),
            BodyKind::Pieces(pieces) => pieces.as_mut().poll_next(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            BodyKind::Bytes(bytes) => bytes.is_empty(),
            BodyKind::File(stretch) => stretch.left() == 0,
            BodyKind::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            BodyKind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            BodyKind::File(stretch) => SizeHint::with_exact(stretch.left()),
            BodyKind::Pieces(_) => SizeHint::default(),
        }
    }
}

/// The next data of a request's body, or `None` at its end.
pub(super) async fn next_data<B>(body: &mut B, stalled: Duration) -> Result<Option<Bytes>, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    loop {
        match timeout(stalled, body.frame()).await {
            Err(_) => return Err(Problem::new(ProblemCode::RequestTimeout)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => {
                return Err(Problem::new(ProblemCode::BadRequest).with_detail("se cortó a la mitad", "it was cut off"));
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads a body of at most 64 KiB whole; it may hold a password, so it is wiped when dropped.
pub(super) async fn read_small(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if http_body::Body::size_hint(&body).lower() > MAX_SMALL as u64 {
        return Err(Problem::new(ProblemCode::TooLarge));
    }
    let read = async {
        let mut whole = Zeroizing::new(Vec::with_capacity(1024));
        while let Some(data) = next_data(&mut body, STALLED).await? {
            if whole.len() + data.len() > MAX_SMALL {
                return Err(Problem::new(ProblemCode::TooLarge));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole)
    };
    timeout(WHOLE, read).await.unwrap_or_else(|_| Err(Problem::new(ProblemCode::RequestTimeout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::ProblemCode;

    /// A body whose next byte never comes.
    struct Stalled;

    impl http_body::Body for Stalled {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_pause_for_so_long() {
        for limit in [STALLED, Duration::from_secs(30)] {
            let begin = tokio::time::Instant::now();
            let problem = next_data(&mut Stalled, limit).await.err().map(|problem| problem.code);
            assert_eq!((problem, begin.elapsed()), (Some(ProblemCode::RequestTimeout), limit));
        }
    }
}
