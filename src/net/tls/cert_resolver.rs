//! Certificate for new connections, replaceable at run time. Open connections keep theirs.

use std::fmt;
use std::sync::{Arc, RwLock};

use crate::locks;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Returns ring as crypto provider, explicitly instead of by rustls' process-wide default.
pub(super) fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

pub(super) struct CertResolver(RwLock<Arc<CertifiedKey>>);

impl CertResolver {
    pub(super) fn new(first: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    pub(super) fn set(&self, next: CertifiedKey) {
        *locks::write(&self.0) = Arc::new(next);
    }

    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&locks::read(&self.0))
    }
}

impl ResolvesServerCert for CertResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl fmt::Debug for CertResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// Returns the server configuration: TLS 1.2 or 1.3 with rustls' default suites, HTTP/1.1.
pub(super) fn config(shown: Arc<CertResolver>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
