//! Listeners, accept loop, TLS and draining.

mod accept;
mod addresses;
mod newcomers;
mod refusal_log;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use crate::http::ListenerKind;

pub use accept::Server;
pub use addresses::{is_link_local, local_prefixes, own_addresses};
pub use tls::{
    Authority, AuthorityCertificate, AuthorityOrigin, LeafSpec, Renewal, RenewalReason, Tls, TlsClient,
    TlsError, check_tls, load_existing, renew,
};

/// A bound address, with or without TLS.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    kind: ListenerKind,
}

/// Error of binding a listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use, not local, or a port below 1024 without permission.
    #[error("cannot listen on {addr}: {cause}")]
    Bind {
        /// Requested address.
        addr: SocketAddr,
        /// System error.
        cause: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Connections that the kernel queues until they are accepted. tokio's default of 128 fills up when many
/// arrive at once, and a client that finds it full retries only after a second.
const BACKLOG: u32 = 1024;

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for the old process's connections in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Binds `addr` for plain HTTP; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn plain(addr: SocketAddr, kind: ListenerKind) -> Result<Self, ListenError> {
        Ok(Self { tcp: bind(addr)?, tls: None, kind })
    }

    /// Binds `addr` for HTTPS.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn secure(addr: SocketAddr, tls: &Tls) -> Result<Self, ListenError> {
        Ok(Self { tcp: bind(addr)?, tls: Some(tls.acceptor()), kind: ListenerKind::App })
    }

    /// Returns the bound address.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn bind(addr: SocketAddr) -> Result<TcpListener, ListenError> {
    listen(addr).map_err(|cause| ListenError::Bind { addr, cause })
}
