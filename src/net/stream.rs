//! Stream of a connection with its slot in the connection limits, released on drop.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::limits::{Endpoints, Ends, Slot};
use crate::ws::{SendQueue, TcpTransport, Transport};

/// Stream that holds a slot of the connection limits.
pub(super) struct SlotGuardedStream<S> {
    io: S,
    /// Released on drop.
    slot: Arc<Slot>,
}

impl<S> SlotGuardedStream<S> {
    pub(super) fn new(io: S, slot: Arc<Slot>) -> Self {
        Self { io, slot }
    }
}

impl Endpoints for SlotGuardedStream<TcpStream> {
    fn ends(&self) -> Option<Ends> {
        self.io.ends()
    }
}

impl Endpoints for SlotGuardedStream<TlsStream<TcpStream>> {
    fn ends(&self) -> Option<Ends> {
        self.io.get_ref().0.ends()
    }
}

impl Transport for SlotGuardedStream<TcpStream> {
    type Stream = TcpTransport<Arc<Slot>>;

    fn into_stream(self, out: &Arc<SendQueue>) -> Self::Stream {
        TcpTransport::new(self.io, out, self.slot)
    }
}

impl Transport for SlotGuardedStream<TlsStream<TcpStream>> {
    type Stream = Self;

    fn into_stream(self, _: &Arc<SendQueue>) -> Self {
        self
    }
}

impl AsyncRead for SlotGuardedStream<TcpStream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncRead for SlotGuardedStream<TlsStream<TcpStream>> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        // rustls decrypts in its read buffer, which would keep the text until the next one comes. There is
        // never anything to read here.
        let _ = self.io.get_mut().1.read_tls(&mut ClearUnused);
        Poll::Ready(result)
    }
}

/// Source that clears the buffer it is given, and has nothing to read.
struct ClearUnused;

impl io::Read for ClearUnused {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(0);
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SlotGuardedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
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
