//! TLS 1.2 and 1.3 with rustls and ring, HTTP/1.1 only. The certificate comes from files or from the device's
//! own authority, and can be replaced while the server runs.
//!
//! | file | contents |
//! | --- | --- |
//! | `authority` | the device's own certificate authority |
//! | `authority_files` | its files, one for each host name |
//! | `leaf` | names, validity and renewal of the device's certificate |
//! | `files` | certificate and key provided by an administrator |
//! | `client` | client of this program's own server, for commands that test it |
//! | `shown` | certificate for new connections |

mod authority;
mod authority_files;
mod cert_resolver;
mod client;
mod files;
mod leaf;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::clock::Timestamp;
use crate::config::TlsMode;
use crate::locks::lock;
use crate::private_file::Untrusted;

pub use authority::{Authority, AuthorityCertificate, AuthorityOrigin, load_existing, renew};
use cert_resolver::CertResolver;
pub use client::TlsClient;
use leaf::Leaf;
pub use leaf::{LeafSpec, RenewalReason};

/// Error of setting up TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or no PEM.
    #[error("{file}: {cause}")]
    Pem {
        /// Which file.
        file: PathBuf,
        /// Fault of that file.
        cause: rustls::pki_types::pem::Error,
    },
    /// The file contains no certificate.
    #[error("{0}: no certificate in this file")]
    Empty(PathBuf),
    /// Certificate and key do not match, or cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The authority's file cannot be read or written.
    #[error("{file}: {cause}")]
    Authority {
        /// Which file.
        file: PathBuf,
        /// System error.
        cause: io::Error,
    },
    /// The authority's file is not trustworthy.
    #[error(transparent)]
    KeyFile(Untrusted),
    /// The certificate could not be generated.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

impl TlsError {
    /// Returns the system's error, if a file could not be read or written.
    pub fn system_cause(&self) -> Option<&io::Error> {
        match self {
            Self::Pem { cause: rustls::pki_types::pem::Error::Io(cause), .. }
            | Self::Authority { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// TLS configuration: the current certificate and the source of the next one.
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<CertResolver>,
    source: Source,
}

enum Source {
    Files { certificate: PathBuf, key: PathBuf },
    Local { authority: Box<Authority>, leaf: Mutex<Leaf> },
}

/// Replacement of the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Reason for the renewal.
    pub reason: RenewalReason,
    /// End of validity.
    pub until: Timestamp,
}

impl Tls {
    /// Sets TLS up as configured; `None` for plain HTTP. The authority's files are in `data_dir`.
    ///
    /// # Errors
    /// Files that cannot be read or used.
    pub fn open(
        mode: &TlsMode,
        data_dir: &Path,
        wanted: impl FnOnce() -> LeafSpec,
        now: Timestamp,
    ) -> Result<Option<Self>, TlsError> {
        let (source, first) = match mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Files { certificate, key } => {
                let first = files::read(certificate, key)?;
                (Source::Files { certificate: certificate.clone(), key: key.clone() }, first)
            }
            TlsMode::LocalCa => {
                let wanted = wanted();
                let authority = Box::new(Authority::open(data_dir, &wanted.host_name)?);
                let leaf = Leaf::of(wanted, now);
                let first = authority.issue(&leaf)?;
                (Source::Local { authority, leaf: Mutex::new(leaf) }, first)
            }
        };
        let shown = Arc::new(CertResolver::new(first));
        let config = Arc::new(cert_resolver::config(Arc::clone(&shown))?);
        Ok(Some(Self { config, shown, source }))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Returns the device's own authority, which browsers must be told to trust.
    pub fn authority(&self) -> Option<&Authority> {
        match &self.source {
            Source::Files { .. } => None,
            Source::Local { authority, .. } => Some(authority),
        }
    }

    /// Issues a new certificate if the current one needs renewal. Takes a few milliseconds.
    ///
    /// # Errors
    /// If none could be issued; the current one stays in use.
    pub fn renew(&self, addresses: &[IpAddr], now: Timestamp) -> Result<Option<Renewal>, TlsError> {
        let Source::Local { authority, leaf } = &self.source else { return Ok(None) };
        let mut leaf = lock(leaf);
        let wanted = LeafSpec::new(&leaf.wanted.host_name, addresses);
        let Some(reason) = leaf.needs_renewal(&wanted, now) else { return Ok(None) };
        let next = Leaf::of(wanted, now);
        self.shown.set(authority.issue(&next)?);
        *leaf = next;
        Ok(Some(Renewal { reason, until: leaf.not_after() }))
    }

    /// Reads certificate and key again; returns false if they do not come from files. Blocks.
    ///
    /// # Errors
    /// Those of a start; the current certificate stays in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Source::Files { certificate, key } = &self.source else { return Ok(false) };
        self.shown.set(files::read(certificate, key)?);
        Ok(true)
    }
}

/// Checks that TLS can be set up as configured. Reads the files as the caller's user and creates none.
///
/// # Errors
/// Those of a start.
pub fn check_tls(mode: &TlsMode) -> Result<(), TlsError> {
    match mode {
        TlsMode::Off | TlsMode::LocalCa => Ok(()),
        TlsMode::Files { certificate, key } => files::read(certificate, key).map(drop),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
