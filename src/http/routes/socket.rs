//! From HTTP to a WebSocket.

use std::sync::{Arc, Mutex};

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;

use crate::audit::Event;
use crate::http::io::connection::UpgradeTo;
use crate::http::request::auth::SignedIn;
use crate::http::response::body::Body;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::ws::{Client, ProbeReason, SocketPermit, TooManySockets, accept};

/// Answers 101 with a [`SocketPermit`] as the connection's successor; `connection` runs it over the upgraded
/// stream. Where the session has as many live sockets as it may, the socket opens and closes with 4008, so
/// that a page can say why.
pub(super) async fn open(call: RoutedRequest, who: SignedIn) -> Result<Response<Body>, Problem> {
    let mut response = handshake(&call.request)?;
    let session = Arc::clone(who.session());
    let user = session.person.name.clone();
    let client = Client { session, addr: call.addr, lang: call.lang };
    let successor = match SocketPermit::take(&call.app.sockets, client).await {
        // Extensions must be cloneable; the ticket is taken out once.
        Ok(ticket) => UpgradeTo::Socket(Arc::new(Mutex::new(Some(ticket)))),
        Err(TooManySockets) => {
            call.app.refusals.count("socket", "too_many_sockets");
            call.app
                .audit
                .record(Event::SocketRefused { user, addr: call.addr, reason: "too_many_sockets" })
                .await;
            UpgradeTo::Closed(ProbeReason::TooManySockets)
        }
    };
    response.extensions_mut().insert(successor);
    Ok(response)
}

/// The answer 101 to a handshake.
pub(super) fn handshake(request: &Request<Incoming>) -> Result<Response<Body>, Problem> {
    let agreed = accept(request).map_err(|_| {
        Problem::new(ProblemCode::UpgradeRequired)
            .header(header::UPGRADE, HeaderValue::from_static("websocket"))
            .header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
    })?;
    Ok(agreed.map(|()| Body::empty()))
}
