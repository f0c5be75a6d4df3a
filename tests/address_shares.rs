//! One person's part of what the people behind one address, or all people, share.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::http::{get_many, refused};
use common::socket::kept_alive;
use common::{Client, Options, Server, TRUSTING};
use serde_json::json;

#[test]
fn static_flood_of_one_person_leaves_the_others_theirs() {
    let server = Server::demo();
    let [flood, other, stranger] = [Client::cliente(&server), Client::usuario(&server), Client::new(&server)];
    let style = "/static/css/base.css";
    assert_eq!(refused(&get_many(&flood, style, 312)), 0, "twelve restored tabs of 26 files");
    let statuses = get_many(&flood, style, 2600);
    assert!(refused(&statuses) > 1000, "its own bucket is empty: {}", refused(&statuses));
    assert_eq!(
        refused(&get_many(&stranger, style, 1560)),
        0,
        "60 sign-in pages at once behind the same address"
    );
    let stranger_flood = get_many(&stranger, style, 1000);
    assert!(refused(&stranger_flood) > 0, "strangers have emptied theirs");
    assert_eq!(refused(&get_many(&other, style, 312)), 0);
}

#[test]
fn sessions_of_one_person_leave_an_address_the_most_of_its_total() {
    let server = Server::start(Options::config(
        "[limits]
requests_per_minute = 1
request_burst = 200
",
    ));
    let sessions: Vec<_> = (0..11).map(|_| Client::cliente(&server)).collect();
    let other = Client::usuario(&server);
    let passed: usize =
        sessions.iter().map(|session| 200 - refused(&get_many(session, "/api/session", 200))).sum();
    assert_eq!(passed, 600, "eleven sessions of one person take what three may");
    assert_eq!(refused(&get_many(&other, "/api/session", 150)), 0, "another of the same address");
    let first = Client::new(&server).sign_in("admin", "admin123");
    assert_eq!(first.status, 200, "new clients too");
}

#[test]
fn dead_sockets_give_way_where_all_places_are_taken() {
    let server = Server::start(Options::config("[limits]\nconnections = 8\n"));
    let [cliente, usuario] = [Client::cliente(&server), Client::usuario(&server)];
    // The network of three is dead: open, but not read.
    let dead: Vec<_> = (0..3).map(|_| usuario.socket()).collect();
    let live: Vec<_> = (0..5).map(|_| kept_alive(cliente.socket())).collect();
    std::thread::sleep(Duration::from_millis(2100));
    let began = Instant::now();
    // A user without dead sockets.
    let newcomers: Vec<_> = (0..3)
        .map(|_| {
            let cliente = cliente.clone();
            std::thread::spawn(move || cliente.socket())
        })
        .collect();
    let mut newcomers: Vec<_> =
        newcomers.into_iter().map(|newcomer| newcomer.join().expect("has a place")).collect();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    for socket in &mut newcomers {
        assert_eq!(
            socket.request(json!({"type": "leave", "room": "ajena"}))["code"],
            "not_member",
            "it is a socket like any other"
        );
    }
    drop(dead);
    assert!(live.iter().all(|socket| !socket.is_finished()), "those who answer stay");
    let newcomers: Vec<_> = newcomers.into_iter().map(kept_alive).collect();
    assert!(
        Client::new(&server).try_send("GET", "/api/health", &[], b"").is_err(),
        "where all answer there is no place"
    );
    server.wait_for_line("reason=total");
    assert!(live.iter().chain(&newcomers).all(|socket| !socket.is_finished()));
    server.signal("TERM");
    assert!(live.into_iter().chain(newcomers).all(|socket| socket.join().expect("ends") == 1001));
}

/// Opens a connection, which sends nothing.
fn raw_connection(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.addr).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sets");
    stream
}

/// Returns true if the server answers a request on it.
fn is_answered(stream: &mut TcpStream) -> bool {
    let request = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200 ")
}

/// Fills a server of 24 places with dead sockets, brings 20 newcomers, and returns those that get a place.
fn admitted_newcomers(config: &str) -> Vec<usize> {
    let server = Server::start(Options::config(&format!("{config}[limits]\nconnections = 24\n")));
    let dead = [Client::cliente(&server), Client::usuario(&server)]
        .map(|person| (0..12).map(|_| person.socket()).collect::<Vec<_>>());
    // They are silent, so each search closes those that answered no ping.
    std::thread::sleep(Duration::from_millis(2100));
    let mut newcomers: Vec<_> = (0..20).map(|_| raw_connection(&server)).collect();
    let answered: Vec<_> =
        newcomers.iter_mut().enumerate().filter_map(|(n, stream)| is_answered(stream).then_some(n)).collect();
    drop(dead);
    answered
}

#[test]
fn one_address_has_a_quarter_of_the_waiting_places() {
    assert_eq!(admitted_newcomers(""), (0..16).collect::<Vec<_>>());
}

#[test]
fn newcomers_through_a_trusted_proxy_all_wait() {
    assert_eq!(admitted_newcomers(TRUSTING), (0..20).collect::<Vec<_>>());
}

#[test]
fn newcomers_that_wait_do_not_evict_one_another() {
    let server = Server::start(Options::config("[limits]\nconnections = 4\n"));
    let [cliente, usuario] = [Client::cliente(&server), Client::usuario(&server)];
    let dead = usuario.socket();
    let live: Vec<_> = (0..3).map(|_| kept_alive(cliente.socket())).collect();
    std::thread::sleep(Duration::from_millis(2100));
    let mut newcomers: Vec<_> = (0..3).map(|_| raw_connection(&server)).collect();
    // One place becomes free. The others are closed at the end of their wait.
    server.wait_for_line("reason=total");
    assert!(is_answered(&mut newcomers[0]), "the first of them");
    assert!(live.iter().all(|socket| !socket.is_finished()));
    drop(dead);
}

#[test]
fn each_reason_of_refusal_has_its_own_audit_line() {
    let server = Server::start(Options::config("[limits]\nconnections = 4\n"));
    let cliente = Client::cliente(&server);
    let stranger = raw_connection(&server);
    let sockets: Vec<_> = (0..4).map(|_| kept_alive(cliente.socket())).collect();
    server.wait_for_line("reason=yielded");
    assert!(Client::new(&server).try_send("GET", "/api/health", &[], b"").is_err());
    server.wait_for_line("reason=total");
    assert!(sockets.iter().all(|socket| !socket.is_finished()));
    drop(stranger);
}

/// Sends the head of a request with a body of 64 MiB and reads the early answer and the end behind it.
fn answered_early(client: &Client) -> TcpStream {
    let mut stream = client.connect();
    let head = client.head("POST", "/api/nada", &[("Content-Length", "67108864")]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    stream
}

/// Sends a request with a body of 64 MiB whole before it reads. Returns true if the answer can be read.
fn is_heard_out(client: &Client) -> bool {
    let mut stream = client.connect();
    let head = client.head("POST", "/api/nada", &[("Content-Length", "67108864")]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let sent = (0..64).try_for_each(|_| stream.write_all(&[b'x'; 1024 * 1024]));
    let mut answer = String::new();
    sent.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 404 ")
}

#[test]
fn one_client_has_a_quarter_of_the_lingering_closes() {
    let server = Server::start(Options::config(TRUSTING));
    let [flood, other] = [9, 8].map(|last| Client::new(&server).behind(last));
    let held: Vec<_> = (0..40).map(|_| answered_early(&flood)).collect();
    assert!(!is_heard_out(&flood), "past its share");
    assert!(is_heard_out(&other), "another address");
    drop(held);
    let [flood, other] = [Client::cliente(&server), Client::usuario(&server)];
    let held: Vec<_> = (0..80).map(|_| answered_early(&flood)).collect();
    assert!(!is_heard_out(&flood), "past the share of one person");
    assert!(is_heard_out(&other), "another person");
    drop(held);
}
