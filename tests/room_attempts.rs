//! Concurrent attempts of one user at a room's password.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Server, Socket};
use serde_json::{Value, json};

/// Sends one join on each socket before any answer is read; returns the answers.
fn join_at_once(sockets: &mut [Socket], password: impl Fn(usize) -> String) -> Vec<Value> {
    for (n, socket) in sockets.iter_mut().enumerate() {
        socket.send(&json!({"type": "join", "ref": "x", "room": "secreta", "password": password(n), "kind": "private"}));
    }
    let answer = |socket: &mut Socket| {
        std::iter::repeat_with(|| socket.recv()).find(|frame| frame["ref"] == "x").expect("an answer")
    };
    sockets.iter_mut().map(answer).collect()
}

fn sockets_of_two_sessions(server: &Server, sockets: usize) -> Vec<Socket> {
    let sessions = [Client::usuario(server), Client::usuario(server)];
    (0..sockets).map(|n| sessions[n % 2].socket()).collect()
}

#[test]
fn wrong_passwords_at_once_have_one_verdict() {
    let server = Server::demo();
    Client::admin(&server).socket().join("secreta", "7391", "private");
    let mut sockets = sockets_of_two_sessions(&server, 16);
    let answers = join_at_once(&mut sockets, |n| format!("{:04}", 1000 + n));
    let count = |code: &str| answers.iter().filter(|answer| answer["code"] == code).count();
    assert_eq!((count("wrong_password"), count("rate_limited")), (1, 15), "{answers:?}");
    assert!(answers.iter().all(|answer| answer["retry_after"] == 3), "{answers:?}");
    server.wait_for_line("event=room.wrong_password");
    assert_eq!(server.stderr().matches("event=room.wrong_password").count(), 1);
    let right = sockets[0].join("secreta", "7391", "private");
    assert_eq!(right["code"], "rate_limited", "the pause is on, for the right one too");
    let mut cliente = Client::cliente(&server).socket();
    assert_eq!(
        cliente.join("secreta", "7391", "private")["type"],
        "joined",
        "another person is not concerned"
    );
}

#[test]
fn twelve_tabs_with_the_right_password_all_get_in() {
    let server = Server::demo();
    Client::admin(&server).socket().join("secreta", "7391", "private");
    let mut tabs = sockets_of_two_sessions(&server, 12);
    let answers = join_at_once(&mut tabs, |_| "7391".to_owned());
    assert!(answers.iter().all(|answer| answer["type"] == "joined"), "{answers:?}");
}

#[test]
fn twelve_tabs_make_one_room_together() {
    let server = Server::demo();
    let mut tabs = sockets_of_two_sessions(&server, 12);
    let answers = join_at_once(&mut tabs, |_| "7391".to_owned());
    assert!(answers.iter().all(|answer| answer["type"] == "joined"), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["created"] == true).count(), 1);
}

#[test]
fn closed_socket_frees_its_turn() {
    let server = Server::demo();
    Client::admin(&server).socket().join("secreta", "7391", "private");
    let client = Client::usuario(&server);
    for _ in 0..5 {
        let mut gone = client.socket();
        gone.send(
            &json!({"type": "join", "ref": "x", "room": "secreta", "password": "7391", "kind": "private"}),
        );
        gone.abort();
    }
    assert_eq!(client.socket().join("secreta", "7391", "private")["type"], "joined");
}
