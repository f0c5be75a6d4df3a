//! The doors: where the server listens, with or without TLS, and the certificate that it shows while it runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::audit::{Audit, Event};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::http::{Door, HttpsSide, Offer};
use crate::net::{ListenError, Listener, Origin, Tls, TlsError, Wanted, own_addresses};
use crate::types::crypto::Sha256;

/// Where the server answers.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Where PiChat is.
    pub address: SocketAddr,
    /// Where plain HTTP leads to it, when it is served over TLS.
    pub plain: Option<SocketAddr>,
    /// The certificate of this device's own authority, by which people recognise it.
    pub fingerprint: Option<Sha256>,
}

impl Doors {
    /// Whether PiChat is served over TLS.
    pub fn secure(&self) -> bool {
        self.plain.is_some()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure() { "https" } else { "http" }
    }
}

/// Bound listeners and what they show.
pub(super) struct Open {
    pub(super) doors: Doors,
    pub(super) listeners: Vec<Listener>,
    pub(super) tls: Option<Arc<Tls>>,
}

/// Binds what the settings ask for, and reads or makes the certificate.
pub(super) fn open(config: &Config, host_name: &str, now: Timestamp) -> Result<Open, ListenError> {
    let wanted = || Wanted::new(host_name, &own_addresses());
    let Some(tls) = Tls::open(&config.tls.mode, &config.data_dir, wanted, now)? else {
        let plain = Listener::plain(config.http.listen, Door::PiChat)?;
        let address = bound(&plain, config.http.listen)?;
        return Ok(Open { doors: Doors { address, plain: None, fingerprint: None }, listeners: vec![plain], tls: None });
    };
    let listen = config.tls_listen();
    let secure = Listener::secure(listen, &tls)?;
    let plain = Listener::plain(config.http.listen, Door::Plain)?;
    let doors = Doors {
        address: bound(&secure, listen)?,
        plain: Some(bound(&plain, config.http.listen)?),
        fingerprint: tls.authority().map(crate::net::Authority::fingerprint),
    };
    Ok(Open { doors, listeners: vec![secure, plain], tls: Some(Arc::new(tls)) })
}

fn bound(listener: &Listener, addr: SocketAddr) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|cause: io::Error| ListenError::Bind { addr, cause })
}

impl Open {
    /// What plain HTTP tells people.
    pub(super) fn side(&self, host_name: &str) -> Option<HttpsSide> {
        let authority = self.tls.as_ref()?.authority();
        let offer = authority.map(|authority| Offer::new(authority.pem(), &authority.fingerprint(), host_name));
        Some(HttpsSide { http_port: self.doors.plain?.port(), https_port: self.doors.address.port(), offer })
    }

    /// An authority that was made at this start: everybody must trust it first.
    pub(super) fn made(&self) -> Option<Event> {
        let authority = self.tls.as_ref()?.authority()?;
        let (origin, fingerprint) = (authority.origin(), authority.fingerprint().to_string());
        (origin != Origin::Kept).then_some(Event::TlsAuthorityMade { reason: origin.as_str(), fingerprint })
    }
}

/// Shows another certificate when the machine has a new address, or another date.
pub(super) fn renew(tls: &Tls, now: Timestamp, audit: &Audit) {
    match tls.renew(&own_addresses(), now) {
        Ok(None) => {}
        Ok(Some(renewal)) => {
            audit.note(Event::TlsRenewed { reason: renewal.reason.as_str(), until: renewal.until.to_string() });
        }
        Err(error) => audit.note(rejected(&error)),
    }
}

/// Reads the files of the certificate again.
pub(super) async fn reload(tls: Arc<Tls>, audit: &Audit) {
    let event = match tokio::task::spawn_blocking(move || tls.reload()).await {
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
