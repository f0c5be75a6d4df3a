//! Client address, scheme and authority of one request, derived once.

use std::net::IpAddr;

use http::Request;

use super::address::client_address;
use super::cookies::CookieScope;
use super::origin::authority;
use super::{Door, Site};

/// What everything after the request's head relies on.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    /// The client's address, for limits and the audit.
    pub(super) addr: IpAddr,
    /// True if the browser came over TLS.
    pub(super) secure: bool,
    /// The `host[:port]` that the browser asked for, in lower case; none where HTTP/1.0 names none.
    pub(super) authority: Option<String>,
    /// Names and attributes of this browser's cookies.
    pub(super) cookies: CookieScope,
    /// The header that cannot be read; the request is then refused.
    pub(super) fault: Option<&'static str>,
}

impl RequestContext {
    /// Derives the context of a request that came from `peer` in at `door`.
    pub(super) fn derive<B>(site: &Site, door: Door, peer: IpAddr, request: &Request<B>) -> Self {
        let secure = site.secure && door == Door::PiChat;
        let (authority, fault) = match authority(request.headers(), request.uri()) {
            Ok(authority) => (authority, None),
            Err(_) => (None, Some("Host")),
        };
        let addr = client_address(peer, request.headers(), &site.config.get().http.trusted_proxies);
        Self { addr, secure, authority, cookies: CookieScope::new(site.port, secure), fault }
    }

    /// The authority; empty where the request names none.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }
}
