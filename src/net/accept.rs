//! The accept loop: refuses what is too much before any work, hands each connection its own task, drains at the end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::http::{Connection, Site, serve};
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
    pub async fn run(self, listener: Listener, stop: CancellationToken) {
        tokio::select! {
            () = self.accept(&listener) => {}
            () = stop.cancelled() => {}
        }
        drop(listener);
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
                Err(_) => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            match self.caps.admit(peer.ip().to_canonical()) {
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
                let handshake = tls.accept(stream);
                self.tasks.spawn(async move {
                    let served = async {
                        if let Ok(Ok(stream)) = timeout(HANDSHAKE, handshake).await {
                            serve(Held::new(stream, slot), connection).await;
                        }
                    };
                    yielded.run_until_cancelled(served).await;
                })
            }
        };
    }
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
        if self.said.is_none_or(|said| said.elapsed() >= SAY_REFUSED_EVERY) {
            self.said = Some(Instant::now());
            server.site.audit.note(Event::ConnectionRefused { addr, reason, count: std::mem::take(&mut self.count) });
        }
    }
}
