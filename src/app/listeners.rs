//! Addresses of the server.

use std::net::{IpAddr, SocketAddr};

use crate::types::base_url;
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
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => format!("{host_name}.local"),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        base_url(self.scheme(), &host, self.address.port())
    }

    /// Returns `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure() { "https" } else { "http" }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn url_can_be_typed() {
        for (address, plain, url) in [
            ("0.0.0.0:8080", None, "http://caja.local:8080"),
            ("[::]:443", Some("[::]:80"), "https://caja.local"),
            ("192.0.2.7:80", None, "http://192.0.2.7"),
            ("[2001:db8::7]:8443", Some("[2001:db8::7]:8080"), "https://[2001:db8::7]:8443"),
        ] {
            let plain = plain.map(|plain| plain.parse().unwrap());
            let listeners = Listeners { address: address.parse().unwrap(), plain, fingerprint: None };
            assert_eq!(listeners.url("caja"), url);
        }
    }
}
