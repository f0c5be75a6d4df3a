//! Life of rooms, and their limits (`docs/LIMITS.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket};
use serde_json::{Value, json};

fn server(more: &str) -> Server {
    Server::start(Options::config(&format!("[limits]\njoins_per_minute = 1000000\n{more}")))
}

#[track_caller]
fn assert_error(frame: &Value, code: &str) {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
}

#[track_caller]
fn leave(socket: &mut Socket, room: &str) {
    assert_eq!(socket.request(json!({"type": "leave", "room": room}))["type"], "left");
}

#[test]
fn empty_room_keeps_code_and_password_without_messages() {
    let server = server("");
    let (cliente, usuario) = (Client::cliente(&server), Client::usuario(&server));
    let mut a = cliente.socket();
    a.join("sala", "secreta", "private");
    a.send_message("sala", "uno");
    a.send_message("sala", "dos");
    leave(&mut a, "sala");
    assert_eq!(Client::admin(&server).get("/api/rooms").json(), json!([]), "it is empty");
    let mut thief = Client::admin(&server).socket();
    assert_error(&thief.join("sala", "otra cosa", "group"), "wrong_password");
    let mut b = usuario.socket();
    let joined = b.join("sala", "secreta", "group");
    assert_eq!((&joined["created"], &joined["kind"]), (&json!(false), &json!("private")), "{joined}");
    assert_eq!(joined["members"], json!(["usuario"]));
    // A request for the ring gets nothing of the earlier conversation.
    b.abort();
    let mut b = usuario.socket();
    let resumed =
        b.request(json!({"type": "resume", "room": "sala", "resume": joined["resume"], "since": 0}));
    assert_eq!(resumed["type"], "joined", "{resumed}");
    b.send(&json!({"type": "send", "room": "sala", "text": "tres"}));
    assert_eq!(b.recv_type("message")["text"], "tres", "the ring was wiped");
}

#[test]
fn room_ends_when_its_reservation_lapses() {
    let server = server("[chat]\nempty_room_minutes = 0\n");
    let mut a = Client::cliente(&server).socket();
    assert_eq!(a.join("sala", "secreta", "group")["created"], true);
    a.send_message("sala", "uno");
    leave(&mut a, "sala");
    server.wait_for_line("event=room.ended");
    let anew = Client::usuario(&server).socket().join("sala", "otra clave", "private");
    assert_eq!(
        (&anew["created"], &anew["kind"], &anew["seq"]),
        (&json!(true), &json!("private"), &json!(0)),
        "{anew}"
    );
}

#[test]
fn occupied_room_does_not_end() {
    let server = server("[chat]\nempty_room_minutes = 0\n");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("larga");
    b.join_default("corta");
    leave(&mut b, "corta");
    // The sweep that ends one room has seen the other.
    server.wait_for_line("event=room.ended");
    assert_eq!(b.join_default("larga")["created"], false);
    assert_eq!(a.send_message("larga", "sigo")["type"], "sent");
}

/// Asserts that a refused join has the limit's code, and a text with limit and remedy.
#[track_caller]
fn assert_room_limit(frame: &serde_json::Value, limit: &str, words: &str) {
    assert_error(frame, "too_many_rooms");
    assert_eq!(frame["limit"], limit, "{frame}");
    assert!(frame["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{frame}");
}

#[test]
fn own_share_of_rooms_and_full_server_are_told_apart() {
    let server = server("rooms = 3\nrooms_per_user = 2\n");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("uno");
    a.join_default("dos");
    let words =
        "ya existen 2 creadas por ti, el máximo por persona. Sal de una: cuando lleve 10 minutos vacía";
    assert_room_limit(&a.join("tres", "secreta", "group"), "rooms_per_user", words);
    b.join_default("tres");
    assert_room_limit(&b.join("cuatro", "secreta", "group"), "rooms", "PiChat llegó al máximo de 3 salas");
    assert_room_limit(&a.join("cuatro", "secreta", "group"), "rooms_per_user", words);
    assert!(b.join("uno", "otra clave", "group").get("limit").is_none(), "other refusals name none");
}

#[test]
fn rooms_of_a_socket_are_limited() {
    let server = server("rooms_per_socket = 2\n");
    let cliente = Client::cliente(&server);
    let mut a = cliente.socket();
    a.join_default("uno");
    a.join_default("dos");
    assert_room_limit(&a.join("tres", "secreta", "group"), "rooms_per_socket", "ya estás en 2, el máximo");
    assert_eq!(
        cliente.get("/api/rooms").json().as_array().map(Vec::len),
        Some(2),
        "none was made by the way"
    );
    a.join_default("dos");
    cliente.socket().join_default("tres");
    leave(&mut a, "uno");
    assert_eq!(a.join_default("tres")["created"], false);
}

#[test]
fn rooms_of_the_server_are_limited() {
    let server = server("rooms = 2\n");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("uno");
    b.join_default("dos");
    assert_room_limit(
        &a.join("tres", "secreta", "group"),
        "rooms",
        "máximo de 2 salas. Inténtalo en unos minutos",
    );
    assert_eq!(a.join_default("dos")["created"], false, "what exists can be entered");
}

#[test]
fn sockets_of_a_room_are_limited() {
    let server = server("room_members = 2\n");
    let cliente = Client::cliente(&server);
    let (mut a, mut a2, mut b) = (cliente.socket(), cliente.socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    a2.join_default("sala");
    assert_error(&b.join("sala", "secreta", "group"), "room_full");
    a.join_default("sala");
    assert_error(&b.send_message("sala", "x"), "not_member");
    leave(&mut a2, "sala");
    assert_eq!(b.join_default("sala")["members"], json!(["cliente", "usuario"]));
}

#[test]
fn room_codes_and_passwords_have_bounds() {
    let server = server("");
    let mut a = Client::cliente(&server).socket();
    let longest = "Az09_-".repeat(4)[..20].to_owned();
    for (room, password) in [(&*longest, "cuat"), ("c", &*"ñ".repeat(100))] {
        let joined = a.join(room, password, "group");
        assert_eq!((&joined["type"], &joined["room"]), (&json!("joined"), &json!(room)));
    }
    for room in ["", " ", "a b", "sala/1", "ñandú", "a\n", "../x", "a\0"] {
        assert_error(&a.join(room, "secreta", "group"), "bad_request");
    }
    for password in ["", "abc", "ñññ"] {
        assert_error(&a.join("corta", password, "group"), "bad_request");
    }
    let long = "x".repeat(21);
    for (room, password) in
        [(&*long, "secreta"), (&*"x".repeat(300), "secreta"), ("larga", &*"x".repeat(101))]
    {
        let refused = a.join(room, password, "group");
        assert!(["too_long", "bad_request"].map(Some).contains(&refused["code"].as_str()), "{refused}");
    }
    assert_eq!(
        Client::admin(&server).get("/api/rooms").json().as_array().map(Vec::len),
        Some(2),
        "no other room was made"
    );
    assert_eq!(a.join("SALA", "secreta", "group")["created"], true);
    assert_eq!(a.join("sala", "secreta", "group")["created"], true, "codes tell upper case from lower case");
}
