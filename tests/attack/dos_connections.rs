//! Denial of service by connections: slow heads, bodies and handshakes, and more connections than slots.
//!
//! Elsewhere: one address has so many (`tests/http_boundaries.rs`), time limits to the second with a clock of
//! their own (`http/io/timeout_stream.rs`), who yields to whom (`limits/connections_tests.rs`), how much
//! slower others get (`benches/load/slowloris.rs`).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::raw_bytes::{GENEROUS, address, client_at};
use crate::common::http::read_response;
use crate::common::server::eventually;
use crate::common::{Client, Options, Server};

/// Several times longer than any limit on slow clients.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends `head`, then a byte of `drip` a second until the server answers or closes; returns the answer.
fn dribble(client: &Client, head: &str, drip: u8) -> String {
    let mut stream = client.connect();
    stream.write_all(head.as_bytes()).expect("writes");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("sets");
    let (begin, mut answer) = (Instant::now(), Vec::new());
    loop {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&bytes[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // After a close, writing fails and the next read reports it.
                let _ = stream.write_all(&[drip]);
            }
            Err(_) => break,
        }
        assert!(begin.elapsed() < PATIENCE, "{head:?} is still open");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn slow_heads_bodies_and_handshakes_end() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let cookie = client.cookie.clone().expect("a cookie");
    let post = |path: &str, kind: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 60000\r\n\r\n"
        )
    };
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    );
    let chunked = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {form}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1;"
    );
    // Head, dripped bytes, and the allowed status (none: the connection is closed).
    let slow = [
        (String::new(), b'G', None),
        ("GET / HTTP/1.1\r\n".to_owned(), b'X', None),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: ".to_owned(), b'y', None),
        (handshake, b'A', None),
        (post("/login", form), b'u', Some("408")),
        (post("/api/session", json), b' ', Some("408")),
        (post("/api/claim", json), b' ', Some("408")),
        (post("/reclamar", form), b'c', Some("408")),
        (chunked, b'e', Some("408")),
    ];
    let heads_and_bodies = slow.len();
    std::thread::scope(|scope| {
        for (head, drip, status) in slow {
            let client = &client;
            scope.spawn(move || {
                let answer = dribble(&Client::new_at(client), &head, drip);
                match status {
                    Some(status) => assert_eq!(answer.get(9..12), Some(status), "{head:?}: {answer}"),
                    None => assert_eq!(answer, "", "{head:?}"),
                }
            });
        }
    });
    assert!(heads_and_bodies >= 9);
    assert_eq!(client.get("/api/session").status, 200);
}

impl Client {
    /// Another client of the same server.
    fn new_at(other: &Client) -> Client {
        Client { cookie: None, headers: Vec::new(), ..other.clone() }
    }
}

/// Opens `wanted` connections, 50 from each address, or as many as this process may have.
fn flood(server: &Server, wanted: usize, first: &[u8]) -> Vec<TcpStream> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let room = maximum.map_or(wanted, |most| usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(500));
    let wanted = wanted.min(room);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let open = |n: usize| {
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind(SocketAddr::new(address(1_000 + n / 50).into(), 0)).expect("binds");
            socket.connect(server.addr).await.expect("connects").into_std().expect("a stream")
        });
        let _ = (&stream).write(first);
        stream
    };
    (0..wanted).map(open).collect()
}

#[test]
fn ten_thousand_half_open_connections_block_no_user() {
    // All come from this machine, which is one client: its own share is not tested here.
    let server =
        Server::start(Options::config("[limits]\nrequest_burst = 100000\nconnections_per_address = 16384\n"));
    let (admin, mut socket) = (Client::admin(&server), Client::cliente(&server).socket());
    socket.join_default("sala");
    let before = server.rss_kib("VmRSS");
    let held = flood(&server, 10_000, b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: ");
    assert!(held.len() > 2048, "more than there are places: {}", held.len());
    for n in 0..5 {
        assert_eq!(client_at(&server, n).sign_in("usuario", "usuario123").status, 200, "a newcomer gets in");
        assert_eq!(admin.get("/inicio").status, 200, "signed-in users continue");
        assert_eq!(socket.send_message("sala", "sigo aquí")["type"], "sent", "a socket is never given away");
    }
    // 2048 slots with tasks and buffers of some 30 KiB each in a debug build. 10,000 would be 300 MiB.
    let grown = server.rss_kib("VmRSS").saturating_sub(before);
    assert!(grown < 100 * 1024, "{grown} KiB for what 2048 places may cost");
    let line = server.wait_for_line("event=connection.refused");
    assert!(line.contains("reason=yielded"), "{line}");
    let lines = server.stderr().matches("event=connection.refused").count();
    assert!(lines < 100, "counted, not told one by one: {lines} lines");
    drop(held);
    eventually("places are free again", || client_at(&server, 9).get("/api/health").status == 200);
}

#[test]
fn idle_and_slow_connections_hold_no_slots() {
    let server = Server::start(Options::config(
        "[limits]\nconnections = 40\nrequests_per_minute = 100000\nrequest_burst = 100000\n",
    ));
    let mut socket = Client::cliente(&server).socket();
    socket.join_default("sala");
    let health = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let body = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\nu";
    let unread = "GET /static/js/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(500);
    for kind in [health, body, &unread, ""] {
        let held: Vec<_> = (0..80)
            .map(|n| {
                let mut stream = client_at(&server, n).connect();
                // A connection that is not read may be closed within an answer.
                let _ = stream.set_nonblocking(true);
                let _ = stream.write(kind.as_bytes());
                stream
            })
            .collect();
        for n in 200..205 {
            assert_eq!(
                client_at(&server, n).sign_in("usuario", "usuario123").status,
                200,
                "{:?}",
                kind.get(..12)
            );
        }
        assert_eq!(socket.send_message("sala", "sigo")["type"], "sent");
        drop(held);
    }
}

#[test]
fn busy_slots_make_a_newcomer_wait() {
    let server = Server::start(Options::config("[limits]\nconnections = 6\nsockets_per_session = 8\n"));
    let client = Client::cliente(&server);
    let mut sockets: Vec<_> = (0..6).map(|_| client.socket()).collect();
    let stranger = client_at(&server, 1);
    assert!(stranger.try_send("GET", "/api/health", &[], b"").is_err(), "closed before any work");
    server.wait_for_line("reason=total");
    for socket in &mut sockets {
        socket.join_default("sala");
    }
    sockets.pop().expect("one").close();
    eventually("its place is free", || stranger.try_send("GET", "/api/health", &[], b"").is_ok());
}

#[test]
fn connection_flood_spares_the_users_of_its_address() {
    let server =
        Server::start(Options::config("[limits]\nconnections_per_address = 10\nrequest_burst = 10000\n"));
    let mut person = Client::cliente(&server).socket();
    let refused = Arc::new(Mutex::new(0));
    let mut held = Vec::new();
    for _ in 0..500 {
        let mut stream = client_at(&server, 1).connect();
        let _ = stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        match read_response(&mut stream, false) {
            Ok(_) => held.push(stream),
            Err(_) => *refused.lock().expect("no panic") += 1,
        }
    }
    assert_eq!((held.len(), *refused.lock().expect("no panic")), (10, 490));
    assert_eq!(person.join_default("sala")["type"], "joined");
    drop(held);
    eventually("their places are free", || {
        client_at(&server, 1).try_send("GET", "/api/health", &[], b"").is_ok()
    });
}
