//! Certificate and key from PEM files.

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{TlsError, cert_resolver};

/// Reads certificate and key, which must match.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
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
    Ok(CertifiedKey::from_der(chain, key, &cert_resolver::provider())?)
}
