//! One connection: hyper over a timed stream, and the way from HTTP to a socket.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Session;
use crate::audit::Event;
use crate::limits::Slot;
use crate::locks::lock;
use crate::ws::probe;
use crate::ws::{ProbeReason, ReadySocket, SocketPermit, Transport};

use crate::http::AppState;
use crate::http::io::at_once::Place;
use crate::http::io::framing::{MAX_HEAD, must_close_after};
use crate::http::io::linger::LingerClient;
use crate::http::io::request_guard::RequestGuard;
use crate::http::io::timeout_stream::{BusyGuard, ConnPhase, TimeoutStream};
use crate::http::listener_kind::ListenerKind;
use crate::http::onboarding::plain_http;
use crate::http::request::arrival::Arrival;
use crate::http::request::context::RequestContext;
use crate::http::response::body::Body;
use crate::http::service::answer;

/// Read buffer of hyper. `RequestGuard` has checked the head, so hyper's own limit must not be smaller.
const MAX_BUFFER: usize = MAX_HEAD + 1024;

/// Takes over an upgraded connection; an extension of the answer 101.
#[derive(Clone)]
pub(crate) enum UpgradeTo {
    /// A socket of the chat.
    Socket(Arc<Mutex<Option<SocketPermit>>>),
    /// A socket that closes at once.
    Closed(ProbeReason),
}

/// Shared state of the connections of a listener.
pub struct Connection {
    /// The site.
    pub app: Arc<AppState>,
    /// Listener of the connection.
    pub listener: ListenerKind,
    /// The peer's address.
    pub peer: IpAddr,
    /// Cancelled when the server stops: requests under way are finished, nothing new is read.
    pub drain: CancellationToken,
    /// Cancelled when the server has waited long enough.
    pub cut: CancellationToken,
    /// Tracks the tasks of sockets, so that the server can wait for them.
    pub tasks: TaskTracker,
    /// Slot of the connection, evictable while it serves no signed-in user.
    pub slot: Arc<Slot>,
}

/// Serves a connection until it ends.
pub async fn serve<S: AsyncRead + AsyncWrite + Transport + Unpin + Send + 'static>(
    stream: S,
    connection: Connection,
) {
    let phase = ConnPhase::default();
    let secure = connection.app.secure && connection.listener == ListenerKind::App;
    let io =
        TokioIo::new(RequestGuard::new(TimeoutStream::new(stream, phase.clone()), phase.clone(), secure));
    // Both are also cancelled when the session of a download ends. A server that cuts off has drained before,
    // so one wait is enough while requests are answered.
    let (drain, cut) = (connection.drain.child_token(), connection.cut.child_token());
    let connection = Arc::new(Connection { drain: drain.clone(), cut: cut.clone(), ..connection });
    let (shared, told) = (Arc::clone(&connection), phase.clone());
    let place = Place::new();
    let service =
        service_fn(move |request| place.begin(respond::<S>(request, Arc::clone(&shared), phase.busy())));
    let hyper = hyper::server::conn::http1::Builder::new()
        // The stream's own limits tell head and idle apart; see `timed`.
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFER)
        .half_close(false)
        .serve_connection(io, service)
        .with_upgrades();
    let mut hyper = pin!(hyper);
    // How a connection ends is the client's affair; what matters was said in the audit when it happened.
    tokio::select! {
        _ = hyper.as_mut() => {}
        () = drain.cancelled() => if !cut.is_cancelled() {
            hyper.as_mut().graceful_shutdown();
            tokio::select! {
                _ = hyper => {}
                () = cut.cancelled() => {}
            }
        }
    }
    if let Some(status) = told.rejected() {
        connection
            .app
            .audit
            .try_record(Event::RequestRejected { addr: connection.peer.to_canonical(), status });
    }
}

async fn respond<S: AsyncRead + AsyncWrite + Transport + Unpin + Send + 'static>(
    mut request: Request<Incoming>,
    connection: Arc<Connection>,
    busy: BusyGuard,
) -> Response<Body> {
    let last = must_close_after(request.headers());
    let upgrade =
        request.headers().contains_key(http::header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let Connection { app, slot, .. } = &*connection;
    let context = RequestContext::derive(app, connection.listener, connection.peer, &request);
    // A browser that a trusted proxy met over HTTPS is there already: leading it on to HTTPS would lead it in
    // a circle.
    let listener = if context.proxied && context.secure { ListenerKind::App } else { connection.listener };
    let (mut response, serving, socket_serving) = match listener {
        ListenerKind::App => {
            let arrival = Arrival::new(app, &context, request.headers(), request.uri().path());
            let person = arrival.session.as_ref().map(|session| session.person.id);
            busy.set_client(person.map_or_else(|| stranger(app, context.addr), LingerClient::Person));
            let serve = || person.map(|person| slot.serve(person));
            let serving = serve();
            // An upgraded connection serves until it ends; its request carries the session, so the answer to
            // it has no body.
            let socket_serving = upgrade.is_some().then(serve).flatten();
            (answer(Arc::clone(app), context, arrival, request).await, serving, socket_serving)
        }
        ListenerKind::PlainHttp => {
            busy.set_client(stranger(app, context.addr));
            (plain_http::answer(app, context, &request).await, None, None)
        }
    };
    // What is still to come of the body is read and forgotten, so no further request can follow it.
    let early = busy.is_body_due();
    response.body_mut().hold(busy, serving);
    if let Some(session) = response.extensions_mut().remove::<Arc<Session>>() {
        let (done, ended) = (response.body_mut().watch(), session.ended());
        let (drain, cut) = (connection.drain.clone(), connection.cut.clone());
        // At most one a connection; it ends with the answer's body. A client that reads slowly, or not at
        // all, is cut off too.
        tokio::spawn(async move {
            tokio::select! {
                () = ended => {
                    cut.cancel();
                    drain.cancel();
                }
                _ = done => {}
            }
        });
    }
    if (last || early) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let (Some(upgrade), Some(successor)) = (upgrade, response.extensions_mut().remove::<UpgradeTo>()) {
        let app = Arc::clone(app);
        connection.tasks.spawn(async move {
            let _serving = socket_serving;
            let Ok(upgraded) = upgrade.await else { return };
            let taken = take_over::<S>(upgraded, &successor);
            // It may be hours until the connection ends.
            drop(successor);
            match taken {
                Some(UpgradedConnection::Socket(socket)) => socket.run(&app.accounts.sessions).await,
                // In a place of its own, as all tasks here are as large as the largest thing that any of them
                // does.
                Some(UpgradedConnection::Closed(stream, reason)) => Box::pin(probe(stream, reason)).await,
                None => {}
            }
        });
    }
    response
}

/// Returns the client of a request without a session.
fn stranger(app: &AppState, addr: IpAddr) -> LingerClient {
    if app.config.get().http.trusts(addr) {
        LingerClient::Proxy
    } else {
        LingerClient::Address(app.connections.counts_for(addr))
    }
}

/// Result of an upgrade.
enum UpgradedConnection<S: Transport> {
    Socket(ReadySocket<S::Stream>),
    Closed(Box<S>, ProbeReason),
}

/// Takes the stream out of hyper. All read buffers end here: what they hold is handed on, and none of them
/// lives as long as a socket.
fn take_over<S: AsyncRead + AsyncWrite + Transport + Unpin + Send + 'static>(
    upgraded: Upgraded,
    successor: &UpgradeTo,
) -> Option<UpgradedConnection<S>> {
    let parts = upgraded.downcast::<TokioIo<RequestGuard<S>>>().ok()?;
    let (stream, rest) = parts.io.into_inner().into_parts();
    match successor {
        UpgradeTo::Socket(ticket) => {
            let ticket = lock(ticket).take()?;
            Some(UpgradedConnection::Socket(ticket.open(stream, &[&*parts.read_buf, &rest].concat())))
        }
        UpgradeTo::Closed(reason) => Some(UpgradedConnection::Closed(Box::new(stream), *reason)),
    }
}
