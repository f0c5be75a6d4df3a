//! TLS 1.2 and 1.3 with rustls and ring, HTTP/1.1 only. The certificate comes from files or from an authority of this device's own,
//! and is changed under the running server.
//!
//! | file | what |
//! | --- | --- |
//! | `authority` | the device's own certificate authority |
//! | `authority_files` | its files: one a host name |
//! | `leaf` | what a certificate of this device must name, and when it wants a successor |
//! | `files` | certificate and key that somebody made |
//! | `shown` | the certificate that new connections are shown |

mod authority;
mod authority_files;
mod files;
mod leaf;
mod shown;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::clock::Timestamp;
use crate::config::TlsMode;
use crate::private_file::Untrusted;

pub use authority::{Authority, Origin, kept, renew};
use leaf::Leaf;
pub use leaf::{Reason, Wanted};
use shown::Shown;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, or not PEM.
    #[error("{file}: {cause}")]
    Pem {
        /// Which file.
        file: PathBuf,
        /// Fault of that file.
        cause: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("{0}: no certificate in this file")]
    Empty(PathBuf),
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The file of this device's own authority cannot be read or written.
    #[error("{file}: {cause}")]
    Authority {
        /// Which file.
        file: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The file of this device's own authority is not to be used.
    #[error(transparent)]
    KeyFile(Untrusted),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// What new connections are shown, and where the next one comes from.
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    source: Source,
}

enum Source {
    Files { certificate: PathBuf, key: PathBuf },
    Local { authority: Box<Authority>, leaf: Mutex<Leaf> },
}

/// A certificate that was made just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Why.
    pub reason: Reason,
    /// When it ends.
    pub until: Timestamp,
}

impl Tls {
    /// Opens TLS as the settings ask; none for plain HTTP. The authority's files are in `data_dir`.
    ///
    /// # Errors
    /// Files that cannot be read or used.
    pub fn open(
        mode: &TlsMode,
        data_dir: &Path,
        wanted: impl FnOnce() -> Wanted,
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
        let shown = Arc::new(Shown::new(first));
        let config = Arc::new(shown::config(Arc::clone(&shown))?);
        Ok(Some(Self { config, shown, source }))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// The authority that browsers must be told to trust, where it is this device's own.
    pub fn authority(&self) -> Option<&Authority> {
        match &self.source {
            Source::Files { .. } => None,
            Source::Local { authority, .. } => Some(authority),
        }
    }

    /// Makes a new certificate where the one that is shown does not do any more. A few milliseconds, once in a while.
    ///
    /// # Errors
    /// When none could be made; the old one is shown further on.
    pub fn renew(&self, addresses: &[IpAddr], now: Timestamp) -> Result<Option<Renewal>, TlsError> {
        let Source::Local { authority, leaf } = &self.source else { return Ok(None) };
        let mut leaf = leaf.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = Wanted::new(&leaf.wanted.host_name, addresses);
        let Some(reason) = leaf.outlived(&wanted, now) else { return Ok(None) };
        let next = Leaf::of(wanted, now);
        self.shown.show(authority.issue(&next)?);
        *leaf = next;
        Ok(Some(Renewal { reason, until: leaf.not_after() }))
    }

    /// Reads certificate and key from their files again; whether there are such files. Blocks.
    ///
    /// # Errors
    /// What a start would end with; the old certificate is shown further on.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Source::Files { certificate, key } = &self.source else { return Ok(false) };
        self.shown.show(files::read(certificate, key)?);
        Ok(true)
    }
}

/// Whether TLS can be spoken as the settings ask for it. Reads the files as the caller's user, and makes none.
///
/// # Errors
/// What a start would end with.
pub fn check_tls(mode: &TlsMode) -> Result<(), TlsError> {
    match mode {
        TlsMode::Off | TlsMode::LocalCa => Ok(()),
        TlsMode::Files { certificate, key } => files::read(certificate, key).map(drop),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
