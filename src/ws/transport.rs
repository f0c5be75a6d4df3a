//! A socket straight over TCP. Its writing half lies in the [`SendQueue`] queue, so that whoever speaks can hand a frame to the kernel
//! for everybody in the room, without waking a task for each of them; reading, and all else that is written, stays with the socket's
//! own task. Over TLS there is one more state between frame and kernel, so there the task does it all.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::limits::{Endpoints, Ends};

use super::send_queue::SendQueue;

/// A connection that a socket may run over.
pub trait Transport: Endpoints {
    /// What the socket's task reads and writes.
    type Stream: AsyncRead + AsyncWrite + Endpoints + Unpin + Send;
    /// Takes the connection over; `out` is the socket's queue.
    fn into_stream(self, out: &Arc<SendQueue>) -> Self::Stream;
}

/// TCP whose writing half is the queue's. `K` is what must live as long as the connection.
pub struct TcpTransport<K> {
    read: OwnedReadHalf,
    out: Arc<SendQueue>,
    _keep: K,
}

impl<K> TcpTransport<K> {
    /// Parts a connection: the task reads, the queue writes.
    pub fn new(stream: TcpStream, out: &Arc<SendQueue>, keep: K) -> Self {
        let (read, write) = stream.into_split();
        out.attach(write);
        Self { read, out: Arc::clone(out), _keep: keep }
    }
}

impl<K> Drop for TcpTransport<K> {
    fn drop(&mut self) {
        // A place in a room may hold the queue for a while; the connection ends now.
        self.out.detach();
    }
}

impl<K> Endpoints for TcpTransport<K> {
    fn ends(&self) -> Option<Ends> {
        Some(Ends::new(self.read.local_addr().ok()?, self.read.peer_addr().ok()?))
    }
}

impl<K: Unpin> AsyncRead for TcpTransport<K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl<K: Unpin> AsyncWrite for TcpTransport<K> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.out.with_writer(|write| write.poll_write(cx, buf))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.out.with_writer(|write| write.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TCP holds nothing back: nodelay is set.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.with_writer(|write| write.poll_shutdown(cx))
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
