//! TLS client of this program's own server, for commands that test it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Client that trusts one authority.
pub struct TlsClient(Arc<ClientConfig>);

impl TlsClient {
    /// Name that the client expects in a certificate; each device has it.
    pub const HOST: &str = "pichat.local";

    /// Trusts the authority whose certificate is in a PEM text; `None` if there is none.
    pub fn trusting(pem: &str) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).ok()?).ok()?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Some(Self(Arc::new(config)))
    }

    /// Speaks TLS over a connection; the handshake comes with the first bytes.
    pub fn over(&self, stream: TcpStream) -> io::Result<impl Read + Write + use<>> {
        let name = ServerName::try_from(Self::HOST).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(session, stream))
    }
}
