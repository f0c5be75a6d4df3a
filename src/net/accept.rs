//! The accept loop: refuses what is too much before any work, hands each connection its own task, drains at the end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::http::{Connection, Door, Site, serve};
use crate::limits::{Admitted, ConnectionCaps, Slot};

use super::Listener;
use super::stream::Held;

/// A TLS handshake must be over by then; it never runs on the accept path.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests and uploads under way may take once the server stops; with what follows it stays within 10 s.
const DRAIN: Duration = Duration::from_secs(8);
/// How long connections that were cut off may take to clean up.
const CUT: Duration = Duration::from_secs(1);
/// An accept that fails for want of descriptors or memory is tried again after this, doubling up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Refused connections are counted and said at most this often.
const SAY_REFUSED_EVERY: Duration = Duration::from_secs(10);

/// A running server.
pub struct Server {
    site: Arc<Site>,
    caps: ConnectionCaps,
    tasks: TaskTracker,
    /// Finish what is under way.
    drain: CancellationToken,
    /// End now.
    cut: CancellationToken,
}

impl Server {
    /// A server for `site` within `caps`.
    pub fn new(site: Arc<Site>, caps: ConnectionCaps) -> Self {
        Self { site, caps, tasks: TaskTracker::new(), drain: CancellationToken::new(), cut: CancellationToken::new() }
    }

    /// Accepts until `stop` is cancelled, then drains: within 10 s every connection is over.
    pub async fn run(self, listeners: Vec<Listener>, stop: CancellationToken) {
        tokio::select! {
            _ = join_all(listeners.iter().map(|listener| self.accept(listener))) => {}
            () = stop.cancelled() => {}
        }
        drop(listeners);
        self.site.sockets.registry.shut_down();
        self.drain.cancel();
        self.tasks.close();
        if timeout(DRAIN, self.tasks.wait()).await.is_err() {
            self.cut.cancel();
            let _ = timeout(CUT, self.tasks.wait()).await;
        }
    }

    async fn accept(&self, listener: &Listener) {
        let mut pause = FIRST_PAUSE;
        let mut refusals = Refusals::default();
        loop {
            let (stream, peer) = match listener.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.site.refusals.count("connection", "accept_failed");
                    if out_of_descriptors(&error)
                        && let Some(other) = self.caps.make_room()
                    {
                        // As when all places are taken; its descriptor is back once its task has run.
                        refusals.count(self, other, "yielded");
                        pause = FIRST_PAUSE;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            let is_proxy = self.site.config.get().http.trusts(peer.ip());
            if listener.tls.is_some() && !is_proxy && self.site.rates.handshake(peer.ip()).is_err() {
                refusals.count(self, peer.ip(), "handshakes");
                continue;
            }
            match self.caps.admit(peer.ip().to_canonical(), is_proxy) {
                Ok(Admitted { slot, instead_of }) => {
                    if let Some(other) = instead_of {
                        refusals.count(self, other, "yielded");
                    }
                    // Frames are written whole, so waiting for more to send only costs time.
                    let _ = stream.set_nodelay(true);
                    self.begin(listener, stream, peer, Arc::new(slot));
                }
                Err(refused) => refusals.count(self, peer.ip(), refused.as_str()),
            }
        }
    }

    fn begin(&self, listener: &Listener, stream: TcpStream, peer: SocketAddr, slot: Arc<Slot>) {
        let connection = Connection {
            site: Arc::clone(&self.site),
            door: listener.door,
            peer: peer.ip(),
            drain: self.drain.clone(),
            cut: self.cut.clone(),
            tasks: self.tasks.clone(),
            slot: Arc::clone(&slot),
        };
        let yielded = slot.yielded().clone();
        match &listener.tls {
            None => self.tasks.spawn(async move {
                yielded.run_until_cancelled(serve(Held::new(stream, slot), connection)).await;
            }),
            Some(tls) => {
                let tls = tls.clone();
                self.tasks.spawn(async move {
                    yielded.run_until_cancelled(shake_hands(tls, stream, slot, connection)).await;
                })
            }
        };
    }
}

/// What somebody begins with who comes to the port of HTTPS.
enum Greeting {
    Tls(Box<TlsStream<TcpStream>>),
    /// HTTP without TLS: who typed the port and not the scheme is led to HTTPS, rather than hung up on.
    Plain(TcpStream),
}

/// Lets somebody in by TLS, within a time; a server that stops waits for nobody who is not in yet.
async fn shake_hands(tls: TlsAcceptor, stream: TcpStream, slot: Arc<Slot>, mut connection: Connection) {
    let drain = connection.drain.clone();
    let greeting = tokio::select! {
        greeting = timeout(HANDSHAKE, greet(tls, stream)) => greeting,
        () = drain.cancelled() => return,
    };
    match greeting {
        Ok(Some(Greeting::Tls(stream))) => serve(Held::new(*stream, slot), connection).await,
        Ok(Some(Greeting::Plain(stream))) => {
            connection.door = Door::Plain;
            serve(Held::new(stream, slot), connection).await;
        }
        Ok(None) | Err(_) => {}
    }
}

async fn greet(tls: TlsAcceptor, stream: TcpStream) -> Option<Greeting> {
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    // Methods are words in capitals (RFC 9110 section 9.1), records of TLS begin with a number below 32 (RFC 8446 section 5.1).
    if first[0].is_ascii_uppercase() {
        return Some(Greeting::Plain(stream));
    }
    Some(Greeting::Tls(Box::new(tls.accept(stream).await.ok()?)))
}

fn out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Connections that were refused, or ended for the sake of another, since the last line about them.
#[derive(Default)]
struct Refusals {
    count: u64,
    said: Option<Instant>,
}

impl Refusals {
    fn count(&mut self, server: &Server, addr: IpAddr, reason: &'static str) {
        self.count += 1;
        server.site.refusals.count("connection", reason);
        if self.said.is_none_or(|said| said.elapsed() >= SAY_REFUSED_EVERY) {
            self.said = Some(Instant::now());
            server.site.audit.note(Event::ConnectionRefused { addr, reason, count: std::mem::take(&mut self.count) });
        }
    }
}
