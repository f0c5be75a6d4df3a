//! Rooms follow a person from one session of a browser to the next, and no other person.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::server::user_command;
use common::{Client, Options, Server};
use serde_json::{Value, json};

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");

fn serve(config: &str) -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::config(config) })
}

/// Returns the codes of the rooms of a client's session.
fn rooms(client: &Client) -> Vec<Value> {
    let mut socket = client.socket();
    socket.welcome()["rooms"].as_array().expect("a list").iter().map(|room| room["room"].clone()).collect()
}

/// Returns a client whose session is a member of `SALA`.
fn member(server: &Server) -> Client {
    let client = Client::signed_in(server, BETO.0, BETO.1);
    client.socket().join_default("SALA");
    client
}

#[test]
fn sign_in_with_a_live_cookie_takes_its_rooms_over() {
    let server = serve("");
    let old = member(&server);
    let mut by_json = old.clone();
    assert_eq!(by_json.sign_in(BETO.0, BETO.1).status, 200);
    assert_eq!(rooms(&by_json), ["SALA"]);
    assert_eq!(old.get("/api/session").status, 401, "a sign-in leaves one session");
    let fields = format!("usuario={}&clave={}", BETO.0, BETO.1.replace(' ', "+"));
    let mut by_form = by_json.clone();
    by_form.take_cookie(&by_json.post_form("/login", &fields));
    assert_eq!(rooms(&by_form), ["SALA"]);
    assert!(rooms(&Client::signed_in(&server, BETO.0, BETO.1)).is_empty(), "another browser joins by itself");
}

#[test]
fn sign_in_of_another_person_takes_no_rooms_over() {
    let server = serve("");
    let mut client = member(&server);
    assert_eq!(client.sign_in(ANA.0, ANA.1).status, 200);
    assert!(rooms(&client).is_empty());
    // Nor through a cookie whose session gave way.
    let server = serve("[limits]\nsessions_per_user = 1");
    let mut client = member(&server);
    Client::signed_in(&server, BETO.0, BETO.1);
    assert_eq!(client.get("/api/session").status, 401);
    assert_eq!(client.sign_in(ANA.0, ANA.1).status, 200);
    assert!(rooms(&client).is_empty());
}

#[test]
fn sign_in_with_the_cookie_of_an_evicted_session_takes_its_rooms_over() {
    let server = serve("[limits]\nsessions_per_user = 1");
    let mut client = member(&server);
    let other = Client::signed_in(&server, BETO.0, BETO.1);
    assert_eq!((client.get("/api/session").status, rooms(&other)), (401, Vec::new()));
    assert_eq!(client.sign_in(BETO.0, BETO.1).status, 200);
    assert_eq!(rooms(&client), ["SALA"]);
}

#[test]
fn session_that_was_ended_leaves_no_rooms() {
    let server = serve("");
    let by_others: fn(&Server, &Client) = |server, client| {
        let other = Client::signed_in(server, BETO.0, BETO.1);
        assert_eq!(other.post_form("/cuenta", "cerrar=otras").status, 303);
        assert_eq!(client.get("/api/session").status, 401);
    };
    let signed_out: fn(&Server, &Client) = |_, client| {
        assert_eq!(client.delete("/api/session").status, 204);
    };
    let reset: fn(&Server, &Client) = |server, client| {
        let (status, _, error) = user_command(&["passwd", BETO.0], &server.data_dir, BETO.1);
        assert!(status.success(), "{error}");
        common::server::eventually("the session ends", || client.get("/api/session").status == 401);
    };
    for (how, end) in [("by another session", by_others), ("signed out", signed_out), ("reset", reset)] {
        let mut client = member(&server);
        end(&server, &client);
        assert_eq!(client.sign_in(BETO.0, BETO.1).status, 200);
        assert!(rooms(&client).is_empty(), "{how}");
        assert_eq!(client.delete("/api/session").status, 204);
    }
}

#[test]
fn new_password_keeps_the_rooms_of_the_session_that_asked() {
    let server = serve("");
    let mut listener = Client::signed_in(&server, ANA.0, ANA.1).socket();
    listener.join_default("SALA");
    let (mut own, other) = (member(&server), member(&server));
    assert_eq!(listener.recv_type("presence")["event"], "joined");
    let mut open = own.socket();
    let body = json!({"current": BETO.1, "new": "una clave nueva"});
    let changed = own.post_json("/api/password", &body);
    assert_eq!(changed.status, 204);
    let stale = own.clone();
    own.take_cookie(&changed);
    let mut renewed = own.socket();
    assert_eq!(renewed.welcome()["rooms"][0]["room"], "SALA");
    let entered = renewed.request(json!({"type": "enter", "room": "SALA", "since": 0}));
    assert_eq!(entered["type"], "joined");
    assert_eq!(open.close_frame(), (4001, "password".to_owned()));
    renewed.send_message("SALA", "sigo aquí");
    assert_eq!(listener.recv()["text"], "sigo aquí", "no presence in between");
    for mut client in [other, stale] {
        assert_eq!(client.sign_in(BETO.0, "una clave nueva").status, 200);
        assert!(rooms(&client).is_empty(), "the cookies of before lead into no room");
    }
}

#[test]
fn changed_account_ends_the_memberships_of_sleeping_sessions() {
    let server = serve("[limits]\nsessions_per_user = 1");
    let mut listener = Client::signed_in(&server, ANA.0, ANA.1).socket();
    listener.join_default("SALA");
    let mut asleep = member(&server);
    assert_eq!(listener.recv_type("presence")["event"], "joined");
    let other = Client::signed_in(&server, BETO.0, BETO.1);
    assert_eq!(other.delete("/api/session").status, 204);
    assert_eq!(asleep.get("/api/session").status, 401);
    let (status, _, error) = user_command(&["passwd", BETO.0], &server.data_dir, BETO.1);
    assert!(status.success(), "{error}");
    assert_eq!(listener.recv_type("presence")["event"], "left");
    assert_eq!(asleep.sign_in(BETO.0, BETO.1).status, 200);
    assert!(rooms(&asleep).is_empty());
}
