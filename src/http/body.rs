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

use crate::limits::Serving;

use super::problem::{Code, Problem};
use super::stretch::Stretch;
use super::timed::Busy;

/// A JSON or form body (`docs/LIMITS.md`).
const MAX_SMALL: usize = 64 * 1024;
/// A client that sends no byte of a body for so long has stalled.
const STALLED: Duration = Duration::from_secs(10);
/// A JSON or form body must be whole by then: who sends a byte now and then may be anybody.
const WHOLE: Duration = Duration::from_secs(15);

/// The body of an answer.
pub(super) struct Body {
    kind: Kind,
    /// Given back when the body is gone: then the connection is idle.
    busy: Option<(Busy, Option<Serving>)>,
    /// Dropped with the body: then nothing is under way for a session any more.
    under_way: Option<oneshot::Sender<Infallible>>,
}

enum Kind {
    Bytes(Bytes),
    File(Stretch),
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
        Self { kind: Kind::File(Stretch::new(file, at, left)), busy: None, under_way: None }
    }

    /// The pieces of `pieces`, of unknown length.
    pub(super) fn pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { kind: Kind::Pieces(Box::pin(pieces)), busy: None, under_way: None }
    }

    /// Keeps the connection busy, and in its place where it serves somebody, until the body is gone.
    pub(super) fn hold(&mut self, busy: Busy, serving: Option<Serving>) {
        if matches!(self.kind, Kind::File(_)) {
            busy.downloads();
        }
        self.busy = Some((busy, serving));
    }

    /// Returns true where it comes from a disk or a store while it is being sent.
    pub(super) fn is_streamed(&self) -> bool {
        !matches!(self.kind, Kind::Bytes(_))
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
        Self { kind: Kind::Bytes(bytes.into()), busy: None, under_way: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.kind {
            Kind::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::File(stretch) => stretch.poll_next(cx).map_ok(Frame::data),
            Kind::Pieces(pieces) => pieces.as_mut().poll_next(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::File(stretch) => stretch.left() == 0,
            Kind::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::File(stretch) => SizeHint::with_exact(stretch.left()),
            Kind::Pieces(_) => SizeHint::default(),
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
            Err(_) => return Err(Problem::new(Code::RequestTimeout)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Problem::new(Code::BadRequest).because("se cortó a la mitad", "it was cut off")),
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
        return Err(Problem::new(Code::TooLarge));
    }
    let read = async {
        let mut whole = Zeroizing::new(Vec::with_capacity(1024));
        while let Some(data) = next_data(&mut body, STALLED).await? {
            if whole.len() + data.len() > MAX_SMALL {
                return Err(Problem::new(Code::TooLarge));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole)
    };
    timeout(WHOLE, read).await.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

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
            assert_eq!((problem, begin.elapsed()), (Some(Code::RequestTimeout), limit));
        }
    }
}
