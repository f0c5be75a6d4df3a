//! Accept loop: applies limits before any work, spawns a task for each connection, and drains at the end. At
//! the total limit, newcomers wait a moment for the slot of a dead socket.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::http::{AppState, Connection, ListenerKind, serve};
use crate::limits::{Admitted, ConnectionCaps, Refused, Slot};
use crate::ws::PROBE;

use super::Listener;
use super::stream::SlotGuardedStream;

/// Time limit of a TLS handshake, which never runs in the accept loop.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for requests and uploads in progress once the server stops; the whole stop stays within 10 s.
const DRAIN: Duration = Duration::from_secs(8);
/// Time for aborted connections to clean up.
const ABORT_AFTER: Duration = Duration::from_secs(1);
/// First delay after a failed accept (no descriptors or memory); doubles up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Interval at which refused connections are reported.
const SAY_REFUSED_EVERY: Duration = Duration::from_secs(10);

/// Newcomers that wait for a dead socket's slot: one descriptor each, beyond those of `[limits] connections`.
const MAX_NEWCOMERS: usize = 64;
/// Interval of the search for dead sockets while a newcomer waits: 23 passes over all sockets a wait, some 50
/// µs for 2048.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum wait of a newcomer: until the probed sockets are known to be dead and their slots are free.
const WAIT_FOR_PLACE: Duration = PROBE.saturating_add(POLL_INTERVAL.saturating_mul(3));

/// A running server.
pub struct Server {
    app: Arc<AppState>,
    caps: ConnectionCaps,
    tasks: TaskTracker,
    /// Finishes requests in progress.
    drain: CancellationToken,
    /// Aborts connections.
    cut: CancellationToken,
}

impl Server {
    /// Creates a server within `caps`.
    pub fn new(app: Arc<AppState>, caps: ConnectionCaps) -> Self {
        Self {
            app,
            caps,
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Accepts until `stop` is canceled, then drains: within 10 s every connection is closed.
    pub async fn run(self, listeners: Vec<Listener>, stop: CancellationToken) {
        let (newcomers, waiting) = mpsc::channel(MAX_NEWCOMERS);
        let hall = Hall { places: Arc::new(Semaphore::new(MAX_NEWCOMERS)), newcomers };
        tokio::select! {
            _ = join_all(listeners.iter().map(|listener| self.accept(listener, &hall))) => {}
            () = self.seat_newcomers(waiting) => {}
            () = stop.cancelled() => {}
        }
        drop(hall);
        drop(listeners);
        self.app.sockets.registry.shut_down();
        self.drain.cancel();
        self.tasks.close();
        if timeout(DRAIN, self.tasks.wait()).await.is_err() {
            self.cut.cancel();
            let _ = timeout(ABORT_AFTER, self.tasks.wait()).await;
        }
    }

    async fn accept<'a>(&self, listener: &'a Listener, hall: &Hall<'a>) {
        let mut pause = FIRST_PAUSE;
        let mut refusals = Refusals::default();
        loop {
            let (stream, peer) = match listener.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.app.refusals.count("connection", "accept_failed");
                    if out_of_descriptors(&error)
                        && let Some(other) = self.caps.evict_one()
                    {
                        // As at the total limit; the descriptor is free once the task has run.
                        refusals.count(self, other, "yielded");
                        pause = FIRST_PAUSE;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            let is_proxy = self.app.config.get().http.trusts(peer.ip());
            if listener.tls.is_some() && !is_proxy && self.app.rates.handshake(peer.ip()).is_err() {
                refusals.count(self, peer.ip(), "handshakes");
                continue;
            }
            match self.caps.try_admit(peer.ip().to_canonical(), is_proxy) {
                Ok(admitted) => self.seat(listener, stream, peer, admitted, &mut refusals),
                Err(Refused::Total) if self.app.sockets.registry.evict_dead(1) => {
                    if !hall.wait(listener, stream, peer, is_proxy) {
                        self.refuse(peer.ip(), Refused::Total, &mut refusals);
                    }
                }
                Err(refused) => self.refuse(peer.ip(), refused, &mut refusals),
            }
        }
    }

    fn refuse(&self, addr: IpAddr, refused: Refused, refusals: &mut Refusals) {
        self.caps.note_refused();
        refusals.count(self, addr, refused.as_str());
    }

    fn seat(
        &self,
        listener: &Listener,
        stream: TcpStream,
        peer: SocketAddr,
        admitted: Admitted,
        refusals: &mut Refusals,
    ) {
        let Admitted { slot, instead_of } = admitted;
        if let Some(other) = instead_of {
            refusals.count(self, other, "yielded");
        }
        // Frames are written whole, so Nagle's algorithm would only add delay.
        let _ = stream.set_nodelay(true);
        self.spawn_connection(listener, stream, peer, Arc::new(slot));
    }

    /// Hands the slots of dead sockets to newcomers in order of arrival; refuses those whose wait is over.
    /// Ends with the last sender.
    async fn seat_newcomers(&self, mut arriving: mpsc::Receiver<Newcomer<'_>>) {
        let (mut waiting, mut refusals) = (VecDeque::new(), Refusals::default());
        loop {
            if waiting.is_empty() {
                let Some(first) = arriving.recv().await else { return };
                waiting.push_back(first);
            }
            while let Ok(further) = arriving.try_recv() {
                waiting.push_back(further);
            }
            let may_come = self.app.sockets.registry.evict_dead(waiting.len());
            sleep(POLL_INTERVAL).await;
            for newcomer in std::mem::take(&mut waiting) {
                let Newcomer { listener, stream, peer, is_proxy, until, place } = newcomer;
                match self.caps.try_admit(peer.ip().to_canonical(), is_proxy) {
                    Ok(admitted) => self.seat(listener, stream, peer, admitted, &mut refusals),
                    Err(Refused::Total) if may_come && Instant::now() < until => {
                        waiting.push_back(Newcomer { listener, stream, peer, is_proxy, until, place });
                    }
                    Err(refused) => self.refuse(peer.ip(), refused, &mut refusals),
                }
            }
        }
    }

    fn spawn_connection(&self, listener: &Listener, stream: TcpStream, peer: SocketAddr, slot: Arc<Slot>) {
        let connection = Connection {
            app: Arc::clone(&self.app),
            listener: listener.kind,
            peer: peer.ip(),
            drain: self.drain.clone(),
            cut: self.cut.clone(),
            tasks: self.tasks.clone(),
            slot: Arc::clone(&slot),
        };
        let yielded = slot.evicted_signal().clone();
        match &listener.tls {
            None => self.tasks.spawn(async move {
                yielded.run_until_cancelled(serve(SlotGuardedStream::new(stream, slot), connection)).await;
            }),
            Some(tls) => {
                let tls = tls.clone();
                self.tasks.spawn(async move {
                    yielded.run_until_cancelled(tls_handshake(tls, stream, slot, connection)).await;
                })
            }
        };
    }
}

/// Accepted connection that waits for a slot.
struct Newcomer<'a> {
    listener: &'a Listener,
    stream: TcpStream,
    peer: SocketAddr,
    is_proxy: bool,
    until: Instant,
    /// Held while it waits.
    place: OwnedSemaphorePermit,
}

/// Waiting queue of newcomers.
struct Hall<'a> {
    places: Arc<Semaphore>,
    newcomers: mpsc::Sender<Newcomer<'a>>,
}

impl<'a> Hall<'a> {
    /// Queues a connection for a slot. Returns false if the queue is full; the connection is then closed.
    fn wait(&self, listener: &'a Listener, stream: TcpStream, peer: SocketAddr, is_proxy: bool) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        let until = Instant::now() + WAIT_FOR_PLACE;
        self.newcomers.try_send(Newcomer { listener, stream, peer, is_proxy, until, place }).is_ok()
    }
}

/// First bytes of a connection to the HTTPS port.
enum FirstBytes {
    Tls(Box<TlsStream<TcpStream>>),
    /// HTTP without TLS: a client that used the port without the scheme is redirected to HTTPS.
    Plain(TcpStream),
}

/// Performs the TLS handshake within a time limit; a stop cancels it.
async fn tls_handshake(tls: TlsAcceptor, stream: TcpStream, slot: Arc<Slot>, mut connection: Connection) {
    let drain = connection.drain.clone();
    let greeting = tokio::select! {
        greeting = timeout(HANDSHAKE, peek_first_bytes(tls, stream)) => greeting,
        () = drain.cancelled() => return,
    };
    match greeting {
        Ok(Some(FirstBytes::Tls(stream))) => serve(SlotGuardedStream::new(*stream, slot), connection).await,
        Ok(Some(FirstBytes::Plain(stream))) => {
            connection.listener = ListenerKind::PlainHttp;
            serve(SlotGuardedStream::new(stream, slot), connection).await;
        }
        Ok(None) | Err(_) => {}
    }
}

async fn peek_first_bytes(tls: TlsAcceptor, stream: TcpStream) -> Option<FirstBytes> {
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    // Methods are capital letters (RFC 9110 section 9.1), TLS records begin with a byte below 32 (RFC 8446
    // section 5.1).
    if first[0].is_ascii_uppercase() {
        return Some(FirstBytes::Plain(stream));
    }
    Some(FirstBytes::Tls(Box::new(tls.accept(stream).await.ok()?)))
}

fn out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Refused and evicted connections since the last report.
#[derive(Default)]
struct Refusals {
    count: u64,
    said: Option<Instant>,
}

impl Refusals {
    fn count(&mut self, server: &Server, addr: IpAddr, reason: &'static str) {
        self.count += 1;
        server.app.refusals.count("connection", reason);
        if self.said.is_none_or(|said| said.elapsed() >= SAY_REFUSED_EVERY) {
            self.said = Some(Instant::now());
            server.app.audit.try_record(Event::ConnectionRefused {
                addr,
                reason,
                count: std::mem::take(&mut self.count),
            });
        }
    }
}
