//! TLS from certificate and key files: rustls with ring, TLS 1.2 and 1.3, HTTP/1.1 only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, or not PEM.
    #[error("{file}: {cause}")]
    Pem {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("{0}: no certificate in this file")]
    Empty(PathBuf),
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The acceptor that the settings ask for; none for plain HTTP.
pub(super) fn acceptor(tls: &Tls) -> Result<Option<TlsAcceptor>, TlsError> {
    match tls {
        Tls::Off => Ok(None),
        Tls::Files { certificate, key } => Ok(Some(TlsAcceptor::from(Arc::new(from_files(certificate, key)?)))),
    }
}

/// Whether TLS can be spoken as the settings ask for it. Reads the files as the caller's user.
///
/// # Errors
/// What a start would end with.
pub fn check_tls(tls: &Tls) -> Result<(), TlsError> {
    acceptor(tls).map(drop)
}

fn from_files(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let pem = |file: &Path| {
        let file = file.to_owned();
        move |cause| TlsError::Pem { file: file.clone(), cause }
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(pem(certificate))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(pem(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
