//! Listening, accepting, TLS, draining.

mod accept;
mod addresses;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

pub use accept::Server;
pub use addresses::{is_link_local, own_addresses};
pub use tls::{TlsError, check_tls};

/// A bound address, with or without TLS.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, foreign, or a port below 1024 without the right to it.
    #[error("cannot listen on {addr}: {cause}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the kernel said.
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
    /// Binds `addr`; port 0 lets the kernel choose.
    pub async fn bind(addr: SocketAddr, tls: &Tls) -> Result<Self, ListenError> {
        let tls = tls::acceptor(tls)?;
        let tcp = listen(addr).map_err(|cause| ListenError::Bind { addr, cause })?;
        Ok(Self { tcp, tls })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether browsers come over TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }
}
