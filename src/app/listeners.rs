//! Addresses of the server.

use std::net::SocketAddr;

use crate::types::crypto::Sha256;

/// Addresses of the server.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// Address of PiChat.
    pub address: SocketAddr,
    /// Address of plain HTTP, if PiChat is served over TLS.
    pub plain: Option<SocketAddr>,
    /// Fingerprint of this device's own certificate authority.
    pub fingerprint: Option<Sha256>,
}

impl Listeners {
    /// Returns true if PiChat is served over TLS.
    pub fn secure(&self) -> bool {
        self.plain.is_some()
    }

    /// Returns `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure() { "https" } else { "http" }
    }
}
