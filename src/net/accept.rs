//! Accept loop: applies limits before any work, spawns a task for each connection, and drains at the end. At
//! the total limit, newcomers wait a moment for the slot of a dead socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{AppState, Connection, ListenerKind, serve};
use crate::limits::{Admitted, ConnectionCaps, Refused, Slot};

use super::Listener;
use super::newcomers::{self, AdmissionRound, NewcomerQueue, WaitingNewcomers};
use super::refusal_log::RefusalLog;
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

/// A running server.
pub struct Server {
    app: Arc<AppState>,
    caps: ConnectionCaps,
    refusals: RefusalLog,
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
            refusals: RefusalLog::new(Arc::clone(&app)),
            app,
            caps,
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Accepts until `stop` is canceled, then drains: within 10 s every connection is closed.
    pub async fn run(self, listeners: Vec<Listener>, stop: CancellationToken) {
        self.accept_until(&listeners, &stop).await;
        drop(listeners);
        self.app.sockets.registry.shut_down();
        self.drain.cancel();
        self.tasks.close();
        if timeout(DRAIN, self.tasks.wait()).await.is_err() {
            self.cut.cancel();
            let _ = timeout(ABORT_AFTER, self.tasks.wait()).await;
        }
    }

    async fn accept_until(&self, listeners: &[Listener], stop: &CancellationToken) {
        let places = newcomers::places();
        let (queue, waiting) = newcomers::queue(&places);
        tokio::select! {
            _ = join_all(listeners.iter().map(|listener| self.accept(listener, &queue))) => {}
            () = self.admit_newcomers(waiting) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn accept<'a>(&self, listener: &'a Listener, queue: &NewcomerQueue<'_, Accepted<'a>>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (stream, peer) = match listener.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.app.refusals.count("connection", "accept_failed");
                    if out_of_descriptors(&error)
                        && let Some(other) = self.caps.evict_one()
                    {
                        // As at the total limit; the descriptor is free once the task has run.
                        self.refusals.record(other, "yielded");
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
                self.refusals.record(peer.ip(), "handshakes");
                continue;
            }
            let accepted = Accepted { listener, stream, peer, is_proxy };
            match self.caps.try_admit(accepted.addr(), is_proxy) {
                Ok(admitted) => self.start(accepted, admitted),
                Err(Refused::Total) => {
                    let counts_for = (!is_proxy).then(|| self.caps.counts_for(accepted.addr()));
                    if !queue.wait(counts_for, accepted, self.caps.admitted()) {
                        self.refuse(peer.ip(), Refused::Total);
                    }
                }
                Err(refused) => self.refuse(peer.ip(), refused),
            }
        }
    }

    fn refuse(&self, addr: IpAddr, refused: Refused) {
        self.caps.note_refused();
        self.refusals.record(addr, refused.as_str());
    }

    fn start(&self, accepted: Accepted<'_>, admitted: Admitted) {
        let Admitted { slot, instead_of } = admitted;
        if let Some(other) = instead_of {
            self.refusals.record(other, "yielded");
        }
        let Accepted { listener, stream, peer, .. } = accepted;
        // Frames are written whole, so Nagle's algorithm would only add delay.
        let _ = stream.set_nodelay(true);
        self.spawn_connection(listener, stream, peer, Arc::new(slot));
    }

    /// Hands the slots of dead sockets to newcomers in order of arrival; refuses those whose wait is over.
    /// Ends with the last sender.
    async fn admit_newcomers<'a>(&self, mut waiting: WaitingNewcomers<'_, Accepted<'a>>) {
        let evict_dead = |most| self.app.sockets.registry.evict_dead(most);
        while let Some(AdmissionRound { newcomers, may_come }) = waiting.next_round(evict_dead).await {
            // None of them evicts one that was admitted while the first of them waited: it has had no time to
            // sign in.
            let latest = newcomers.front().map_or(u64::MAX, |first| first.admitted_before);
            for newcomer in newcomers {
                let Accepted { peer, is_proxy, .. } = newcomer.connection;
                match self.caps.try_admit_past(newcomer.connection.addr(), is_proxy, latest) {
                    Ok(admitted) => self.start(newcomer.connection, admitted),
                    Err(Refused::Total) => {
                        if waiting.wait_on(newcomer, may_come).is_err() {
                            self.refuse(peer.ip(), Refused::Total);
                        }
                    }
                    Err(refused) => self.refuse(peer.ip(), refused),
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

/// Accepted connection without a slot.
struct Accepted<'a> {
    listener: &'a Listener,
    stream: TcpStream,
    peer: SocketAddr,
    is_proxy: bool,
}

impl Accepted<'_> {
    fn addr(&self) -> IpAddr {
        self.peer.ip().to_canonical()
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
