//! Listeners, with or without TLS, and the certificate that the running server presents.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::audit::{Audit, Event};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::detached;
use crate::http::{CaDownload, HttpsInfo, ListenerKind};
use crate::net::{Authority, AuthorityOrigin, LeafSpec, ListenError, Listener, Tls, TlsError, own_addresses};

use super::listeners::Listeners;
use super::start::ServerNotice;

/// Bound listeners and their addresses.
pub(super) struct BoundListeners {
    pub(super) doors: Listeners,
    pub(super) listeners: Vec<Listener>,
    pub(super) tls: Option<Arc<Tls>>,
}

/// Binds the configured addresses, and reads or makes the certificate.
pub(super) fn open(config: &Config, host_name: &str, now: Timestamp) -> Result<BoundListeners, ListenError> {
    let wanted = || LeafSpec::new(host_name, &own_addresses());
    let Some(tls) = Tls::open(&config.tls.mode, &config.data_dir, wanted, now)? else {
        let plain = Listener::plain(config.http.listen, ListenerKind::App)?;
        let address = bound(&plain, config.http.listen)?;
        return Ok(BoundListeners {
            doors: Listeners { address, plain: None, fingerprint: None },
            listeners: vec![plain],
            tls: None,
        });
    };
    let listen = config.tls_listen();
    let secure = Listener::secure(listen, &tls)?;
    let plain = Listener::plain(config.http.listen, ListenerKind::PlainHttp)?;
    let doors = Listeners {
        address: bound(&secure, listen)?,
        plain: Some(bound(&plain, config.http.listen)?),
        fingerprint: tls.authority().map(Authority::fingerprint),
    };
    Ok(BoundListeners { doors, listeners: vec![secure, plain], tls: Some(Arc::new(tls)) })
}

fn bound(listener: &Listener, addr: SocketAddr) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|cause: io::Error| ListenError::Bind { addr, cause })
}

impl BoundListeners {
    /// Returns the information that plain HTTP shows.
    pub(super) fn https_info(&self, host_name: &str) -> Option<HttpsInfo> {
        let authority = self.tls.as_ref()?.authority();
        let offer =
            authority.map(|authority| CaDownload::new(authority.pem(), &authority.fingerprint(), host_name));
        Some(HttpsInfo { http_port: self.doors.plain?.port(), https_port: self.doors.address.port(), offer })
    }

    /// Returns events for an authority that is new in this start, and for one that was put aside.
    pub(super) fn made(&self) -> Vec<Event> {
        let Some(authority) =
            self.authority().filter(|authority| authority.origin() != AuthorityOrigin::Kept)
        else {
            return Vec::new();
        };
        let damaged = authority.aside().map(|aside| Event::TlsAuthorityDamaged { kept: file_name(aside) });
        let (reason, fingerprint) = (authority.origin().as_str(), authority.fingerprint().to_string());
        damaged.into_iter().chain([Event::TlsAuthorityMade { reason, fingerprint }]).collect()
    }

    /// Returns notices to an administrator about the authority.
    pub(super) fn notices(&self) -> Vec<ServerNotice> {
        let Some(authority) = self.authority() else { return Vec::new() };
        let damaged = authority.aside().map(|aside| ServerNotice::AuthorityDamaged(aside.to_owned()));
        let label = authority.signs_single_label().then_some(ServerNotice::AuthoritySignsLabel);
        damaged.into_iter().chain(label).collect()
    }

    fn authority(&self) -> Option<&Authority> {
        self.tls.as_ref()?.authority()
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Presents another certificate if the machine's addresses or the date require it.
pub(super) fn renew(tls: &Tls, now: Timestamp, audit: &Audit) {
    match tls.renew(&own_addresses(), now) {
        Ok(None) => {}
        Ok(Some(renewal)) => {
            audit.try_record(Event::TlsRenewed {
                reason: renewal.reason.as_str(),
                until: renewal.until.to_string(),
            });
        }
        Err(error) => audit.try_record(rejected(&error)),
    }
}

/// Reloads the certificate files.
pub(super) async fn reload(tls: Arc<Tls>, audit: &Audit) {
    let event = match detached::blocking(move || tls.reload()).await {
        Ok(Ok(false)) => return,
        Ok(Ok(true)) => Event::TlsReloaded {},
        Ok(Err(error)) => rejected(&error),
        Err(_) => return,
    };
    audit.record(event).await;
}

fn rejected(error: &TlsError) -> Event {
    Event::TlsRejected { error: error.to_string() }
}
