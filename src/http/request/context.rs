//! Client address, scheme and authority of one request, derived once.

use std::net::IpAddr;

use http::Request;

use crate::http::AppState;
use crate::http::listener_kind::ListenerKind;
use crate::http::request::cookies::CookieScope;
use crate::http::request::forwarded::{self, BadForwarded, BrowserSide};
use crate::http::request::origin::authority;
use crate::types::HostPort;

/// Facts that all handlers rely on: from the connection, or from a trusted proxy as far as it says so.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The client's address, for limits and the audit.
    pub(crate) addr: IpAddr,
    /// True if the browser came over TLS.
    pub(crate) secure: bool,
    /// True if a trusted proxy said what the browser came over.
    pub(crate) proxied: bool,
    /// Host and port that the browser asked for; `None` where HTTP/1.0 names none.
    pub(crate) authority: Option<HostPort>,
    /// Names and attributes of this browser's cookies.
    pub(crate) cookies: CookieScope,
    /// The header that cannot be read; the request is then refused.
    pub(crate) fault: Option<&'static str>,
}

impl RequestContext {
    /// Derives the context of a request that came from `peer` in at `door`.
    pub(crate) fn derive<B>(
        app: &AppState,
        listener: ListenerKind,
        peer: IpAddr,
        request: &Request<B>,
    ) -> Self {
        let (own, mut fault) = match authority(request.headers(), request.uri()) {
            Ok(authority) => (authority, None),
            Err(_) => (None, Some("Host")),
        };
        let config = app.config.get();
        let side = if config.http.trusts(peer) {
            forwarded::read(peer, request.headers(), |addr| config.http.trusts(addr)).unwrap_or_else(
                |BadForwarded(header)| {
                    fault = Some(header);
                    BrowserSide::default()
                },
            )
        } else {
            BrowserSide::default()
        };
        let secure = side.secure.unwrap_or(app.secure && listener == ListenerKind::App);
        Self {
            addr: side.addr.unwrap_or_else(|| peer.to_canonical()),
            secure,
            proxied: side.secure.is_some(),
            authority: side.authority.or(own),
            cookies: CookieScope::new(app.port, secure),
            fault,
        }
    }
}
