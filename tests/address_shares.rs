//! One person's part of what the people behind one address, or all people, share.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::http::{get_many, refused};
use common::socket::kept_alive;
use common::{Client, Options, Server};
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
    assert_eq!(first.status, 200, "and whoever comes");
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
