//! Client address, scheme and authority of one request, derived once.

use std::net::IpAddr;

use http::Request;

use super::AppState;
use super::cookies::CookieScope;
use super::forwarded::{self, BadForwarded, BrowserSide};
use super::listener_kind::ListenerKind;
use super::origin::authority;

/// Facts that all handlers rely on: from the connection, or from a trusted proxy as far as it says so.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    /// The client's address, for limits and the audit.
    pub(super) addr: IpAddr,
    /// True if the browser came over TLS.
    pub(super) secure: bool,
    /// True if a trusted proxy said what the browser came over.
    pub(super) proxied: bool,
    /// The `host[:port]` that the browser asked for, in lower case; none where HTTP/1.0 names none.
    pub(super) authority: Option<String>,
    /// Names and attributes of this browser's cookies.
    pub(super) cookies: CookieScope,
    /// The header that cannot be read; the request is then refused.
    pub(super) fault: Option<&'static str>,
}

impl RequestContext {
    /// Derives the context of a request that came from `peer` in at `door`.
    pub(super) fn derive<B>(site: &AppState, door: ListenerKind, peer: IpAddr, request: &Request<B>) -> Self {
        let (own, mut fault) = match authority(request.headers(), request.uri()) {
            Ok(authority) => (authority, None),
            Err(_) => (None, Some("Host")),
        };
        let config = site.config.get();
        let side = if config.http.trusts(peer) {
            forwarded::read(peer, request.headers(), |addr| config.http.trusts(addr)).unwrap_or_else(|BadForwarded(header)| {
                fault = Some(header);
                BrowserSide::default()
            })
        } else {
            BrowserSide::default()
        };
        let secure = side.secure.unwrap_or(site.secure && door == ListenerKind::App);
        Self {
            addr: side.addr.unwrap_or_else(|| peer.to_canonical()),
            secure,
            proxied: side.secure.is_some(),
            authority: side.authority.or(own),
            cookies: CookieScope::new(site.port, secure),
            fault,
        }
    }

    /// The authority; empty where the request names none.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }
}
