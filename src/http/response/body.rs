//! Bodies of responses: bytes, files and streams.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

use crate::limits::AuthenticatedRequestGuard;

use crate::http::io::timeout_stream::BusyGuard;
use crate::http::response::file_stream::FileStream;

/// The body of an answer.
pub(crate) struct Body {
    kind: BodyKind,
    /// Given back when the body is gone: then the connection is idle.
    busy: Option<BusyGuard>,
    /// Given back with it: then the connection may be evicted.
    serving: Option<AuthenticatedRequestGuard>,
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
    pub(crate) fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// `left` bytes of a file from `at` on.
    pub(crate) fn file(file: File, at: u64, left: u64) -> Self {
        Self {
            kind: BodyKind::File(FileStream::new(file, at, left)),
            busy: None,
            serving: None,
            under_way: None,
        }
    }

    /// The pieces of `pieces`, of unknown length.
    pub(crate) fn pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { kind: BodyKind::Pieces(Box::pin(pieces)), busy: None, serving: None, under_way: None }
    }

    /// Keeps the connection busy, and protected from eviction if it serves a user, until the body is dropped.
    pub(crate) fn hold(&mut self, busy: BusyGuard, serving: Option<AuthenticatedRequestGuard>) {
        if matches!(self.kind, BodyKind::File(_)) {
            busy.downloads();
        }
        (self.busy, self.serving) = (Some(busy), serving);
    }

    /// Returns true where it comes from a disk or a store while it is being sent.
    pub(crate) fn is_streamed(&self) -> bool {
        !matches!(self.kind, BodyKind::Bytes(_))
    }

    /// Returns a receiver that ends with the body.
    pub(crate) fn watch(&mut self) -> oneshot::Receiver<Infallible> {
        let (under_way, done) = oneshot::channel();
        self.under_way = Some(under_way);
        done
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self { kind: BodyKind::Bytes(bytes.into()), busy: None, serving: None, under_way: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
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
