//! One connection: hyper over a timed stream, and the way from HTTP to a socket.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ws::Ticket;

use super::Site;
use super::body::Body;
use super::service::answer;
use super::timed::{Phase, Timed};

/// Bytes of a request's head (DESIGN section 6); also what hyper reads of a body at once.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Fields of a request's head.
const MAX_FIELDS: usize = 64;

/// What a connection needs to know.
#[derive(Clone)]
pub struct Connection {
    /// The site.
    pub site: Arc<Site>,
    /// The peer's address.
    pub peer: IpAddr,
    /// Cancelled when the server stops: requests under way are finished, nothing new is read.
    pub drain: CancellationToken,
    /// Cancelled when the server has waited long enough.
    pub cut: CancellationToken,
    /// Where the task of a socket is entered, so that the server can wait for it.
    pub tasks: TaskTracker,
}

/// Serves a connection until it ends.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, connection: Connection) {
    let phase = Phase::default();
    let io = TokioIo::new(Timed::new(stream, phase.clone()));
    let (drain, cut) = (connection.drain.clone(), connection.cut.clone());
    let service = service_fn(move |request| respond::<S>(request, connection.clone(), phase.clone()));
    let hyper = hyper::server::conn::http1::Builder::new()
        // The stream's own limits tell head and idle apart; see `timed`.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .half_close(false)
        .serve_connection(io, service)
        .with_upgrades();
    let mut hyper = pin!(hyper);
    // How a connection ends is the client's affair; what matters was said in the audit when it happened.
    tokio::select! {
        _ = hyper.as_mut() => {}
        () = drain.cancelled() => {
            hyper.as_mut().graceful_shutdown();
            tokio::select! {
                _ = hyper => {}
                () = cut.cancelled() => {}
            }
        }
    }
}

async fn respond<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut request: Request<Incoming>,
    connection: Connection,
    phase: Phase,
) -> Result<Response<Body>, Infallible> {
    let busy = phase.busy();
    let upgrade = request.headers().contains_key(http::header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let Connection { site, peer, tasks, .. } = connection;
    let mut response = answer(Arc::clone(&site), peer, request).await;
    response.body_mut().hold(busy);
    if let (Some(upgrade), Some(ticket)) = (upgrade, response.extensions_mut().remove::<Arc<std::sync::Mutex<Option<Ticket>>>>())
    {
        tasks.spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let Ok(parts) = upgraded.downcast::<TokioIo<Timed<S>>>() else { return };
            let ticket = ticket.lock().ok().and_then(|mut slot| slot.take());
            if let Some(ticket) = ticket {
                // hyper's read buffer ends here: what it holds is handed on, then it is dropped.
                ticket.run(parts.io.into_inner().into_inner(), &parts.read_buf, &site.accounts.sessions).await;
            }
        });
    }
    Ok(response)
}
