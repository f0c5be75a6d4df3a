//! Transports of a WebSocket.
//!
//! Over plain TCP the write half lives in the [`SendQueue`]. A producer then writes a frame to every receiver
//! in the room without waking their tasks. The socket's own task reads, and writes everything else. Over TLS,
//! session state lies between frame and kernel, so only the socket's task writes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::limits::{Endpoints, Ends};

use crate::ws::send::send_queue::SendQueue;

/// Connection that a WebSocket can run over.
pub trait Transport: Endpoints {
    /// Stream that the socket's task reads and writes.
    type Stream: AsyncRead + AsyncWrite + Endpoints + Unpin + Send;
    /// Converts the connection into its stream; `out` is the socket's queue.
    fn into_stream(self, out: &Arc<SendQueue>) -> Self::Stream;
}

/// TCP stream whose write half belongs to the [`SendQueue`]. `K` is kept alive as long as the connection.
pub struct TcpTransport<K> {
    read: OwnedReadHalf,
    out: Arc<SendQueue>,
    _keep: K,
}

impl<K> TcpTransport<K> {
    /// Splits a connection: the task reads, the queue writes.
    pub fn new(stream: TcpStream, out: &Arc<SendQueue>, keep: K) -> Self {
        let (read, write) = stream.into_split();
        out.attach(write);
        Self { read, out: Arc::clone(out), _keep: keep }
    }
}

impl<K> Drop for TcpTransport<K> {
    fn drop(&mut self) {
        // A seat in a room may hold the queue for longer; the connection ends now.
        self.out.detach();
    }
}

impl<K> Endpoints for TcpTransport<K> {
    fn ends(&self) -> Option<Ends> {
        Some(Ends::new(self.read.local_addr().ok()?, self.read.peer_addr().ok()?))
    }
}

impl<K: Unpin> AsyncRead for TcpTransport<K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl<K: Unpin> AsyncWrite for TcpTransport<K> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.out.with_writer(|write| write.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.out.with_writer(|write| write.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TCP does not buffer here: nodelay is set.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.with_writer(|write| write.poll_shutdown(cx))
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
