//! A request as it arrives: of which session, and whether its rates let it pass. Found out once; what comes
//! after is handed the result.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;

use crate::accounts::Session;
use crate::audit::Event;
use crate::limits::RetryAfter;

use crate::http::AppState;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieScope;
use crate::http::response::problem::Problem;

/// Session and rate of a request.
pub(crate) struct Arrival {
    /// The live session behind the request's cookie.
    pub(crate) session: Option<Arc<Session>>,
    rate: Result<(), RetryAfter>,
}

impl Arrival {
    /// Counts a request: one look-up of the session in memory, then the bucket of that session or, without
    /// one, of the address, then the address's total. What its own bucket refuses takes nothing of the total,
    /// and a person's sessions take a share of it together: one flood leaves the others of an address theirs.
    /// Static files count in buckets of their own; those of a session take nothing of the address's. An
    /// address that the settings trust as a proxy's is held to no figure.
    pub(crate) fn new(app: &AppState, context: &RequestContext, headers: &HeaderMap, path: &str) -> Self {
        let addr = context.addr;
        let is_proxy = app.config.get().http.trusts(addr);
        let session = live_session(app, headers, context.cookies);
        let rates = &app.rates;
        let rate = match (&session, is_proxy, is_static(path)) {
            (None, true, _) => Ok(()),
            (Some(session), _, true) => rates.session_static_request(&session.static_files),
            (None, false, true) => rates.static_request(addr),
            (Some(session), true, false) => rates.session_request(&session.requests),
            (Some(session), false, false) => {
                let own = rates
                    .session_request(&session.requests)
                    .and_then(|()| rates.person_request(session.person_requests()));
                own.and_then(|()| rates.address_request(addr))
            }
            (None, false, false) => rates.request(addr).and_then(|()| rates.address_request(addr)),
        };
        Self { session, rate }
    }

    /// Counts a request on the side without sessions: plain HTTP beside HTTPS.
    pub(crate) fn stranger(app: &AppState, addr: IpAddr, is_static: bool) -> Self {
        let rate = match (app.config.get().http.trusts(addr), is_static) {
            (true, _) => Ok(()),
            (false, true) => app.rates.static_request(addr),
            (false, false) => app.rates.request(addr).and_then(|()| app.rates.address_request(addr)),
        };
        Self { session: None, rate }
    }

    /// Refuses what came too often; the first of a minute is in the audit.
    pub(crate) async fn admit(&self, app: &AppState, addr: IpAddr) -> Result<(), Problem> {
        let Err(wait) = self.rate else { return Ok(()) };
        if wait.first {
            app.audit.record(Event::RequestRateLimited { addr, seconds: wait.seconds() }).await;
        }
        Err(wait.into())
    }
}

/// Returns true for what a page loads and what does not change while the server runs.
fn is_static(path: &str) -> bool {
    path.starts_with("/static/") || path == "/favicon.ico"
}

/// Returns the session behind a request's cookie: the first live one, so that a planted cookie shuts out no
/// session.
pub(crate) fn live_session(
    app: &AppState,
    headers: &HeaderMap,
    cookies: CookieScope,
) -> Option<Arc<Session>> {
    let mut tokens = cookies.tokens(headers).chain(cookies.legacy_tokens(headers));
    tokens.find_map(|token| app.accounts.session(&token))
}
