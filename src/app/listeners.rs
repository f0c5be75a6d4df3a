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

    /// Returns the address for a browser. All addresses at once have no URL: the machine's name has one.
    pub fn url(&self, host_name: &str) -> String {
        let (scheme, address) = (self.scheme(), self.address);
        let host = if address.ip().is_unspecified() {
            format!("{host_name}.local")
        } else {
            address.ip().to_string()
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        match (scheme, address.port()) {
            ("http", 80) | ("https", 443) => format!("{scheme}://{host}"),
            (_, port) => format!("{scheme}://{host}:{port}"),
        }
    }

    /// Returns `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure() { "https" } else { "http" }
    }
}
