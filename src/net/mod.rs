//! Listening, accepting, TLS, draining.

mod accept;
mod addresses;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
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

impl Listener {
    /// Binds `addr`; port 0 lets the kernel choose.
    pub async fn bind(addr: SocketAddr, tls: &Tls) -> Result<Self, ListenError> {
        let tls = tls::acceptor(tls)?;
        let tcp = TcpListener::bind(addr).await.map_err(|cause| ListenError::Bind { addr, cause })?;
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
