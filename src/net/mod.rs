//! Listening, accepting, TLS, draining.

mod accept;
mod addresses;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use crate::http::Door;

pub use accept::Server;
pub use addresses::{is_link_local, local_prefixes, own_addresses};
pub use tls::{Authority, Origin, Reason, Renewal, Tls, TlsError, Wanted, check_tls, kept, renew};

/// A bound address, with or without TLS.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    door: Door,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, foreign, or a port below 1024 without the right to it.
    #[error("cannot listen on {addr}: {cause}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The kernel's error.
        cause: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Connections that the kernel holds until they are accepted. tokio's own 128 are full for a moment when many come at once, and who
/// finds them full tries again after a whole second.
const BACKLOG: u32 = 1024;

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for the connections of the process before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Binds `addr` for plain HTTP; port 0 lets the kernel choose. Who comes is let in at `door`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn plain(addr: SocketAddr, door: Door) -> Result<Self, ListenError> {
        Ok(Self { tcp: bind(addr)?, tls: None, door })
    }

    /// Binds `addr` for HTTPS.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn secure(addr: SocketAddr, tls: &Tls) -> Result<Self, ListenError> {
        Ok(Self { tcp: bind(addr)?, tls: Some(tls.acceptor()), door: Door::PiChat })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn bind(addr: SocketAddr) -> Result<TcpListener, ListenError> {
    listen(addr).map_err(|cause| ListenError::Bind { addr, cause })
}
