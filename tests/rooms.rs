//! Life of rooms, and their limits (`docs/LIMITS.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket, here};
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
fn room_ends_with_its_last_member() {
    let server = server("");
    let mut a = Client::cliente(&server).socket();
    assert_eq!(a.join("sala", "secreta", "group")["created"], true);
    a.send_message("sala", "uno");
    leave(&mut a, "sala");
    server.wait_for_line("event=room.ended");
    assert_eq!(Client::admin(&server).get("/api/rooms").json(), json!([]));
    let anew = Client::usuario(&server).socket().join("sala", "otra clave", "private");
    assert_eq!(
        (&anew["created"], &anew["kind"], &anew["seq"]),
        (&json!(true), &json!("private"), &json!(0)),
        "{anew}"
    );
}

#[test]
fn room_without_sockets_keeps_members_and_wipes_messages() {
    let server = server("[chat]\nwipe_minutes = 0\n");
    let cliente = Client::cliente(&server);
    let mut a = cliente.socket();
    a.join("sala", "secreta", "private");
    a.send_message("sala", "uno");
    a.abort();
    server.wait_for_line("event=socket.closed");
    assert_eq!(Client::admin(&server).get("/api/rooms").json()[0]["members"], 1);
    let mut thief = Client::admin(&server).socket();
    assert_error(&thief.join("sala", "otra cosa", "group"), "wrong_password");
    let mut a = cliente.socket();
    assert_eq!(a.request(json!({"type": "enter", "room": "sala", "since": 0}))["seq"], 1);
    assert_eq!(a.recv(), json!({"type": "gap", "room": "sala", "from": 1, "to": 1}), "wiped at once");
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
    let words = "ya existen 2 creadas por ti, el máximo por persona. Termina o deja una";
    assert_room_limit(&a.join("tres", "secreta", "group"), "rooms_per_user", words);
    b.join_default("tres");
    assert_room_limit(&b.join("cuatro", "secreta", "group"), "rooms", "PiChat llegó al máximo de 3 salas");
    assert_room_limit(&a.join("cuatro", "secreta", "group"), "rooms_per_user", words);
    assert!(b.join("uno", "otra clave", "group").get("limit").is_none(), "other refusals name none");
}

#[test]
fn rooms_of_a_session_are_limited() {
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
    let mut tab = cliente.socket();
    assert_room_limit(&tab.join("tres", "secreta", "group"), "rooms_per_socket", "ya estás en 2, el máximo");
    Client::cliente(&server).socket().join_default("tres");
    leave(&mut a, "uno");
    assert_eq!(tab.join_default("tres")["created"], false);
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
fn members_of_a_room_are_limited() {
    let server = server("room_members = 2\n");
    let cliente = Client::cliente(&server);
    let (mut a, mut tab) = (cliente.socket(), cliente.socket());
    let (mut a2, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    tab.join_default("sala");
    a2.join_default("sala");
    assert_error(&b.join("sala", "secreta", "group"), "room_full");
    a.join_default("sala");
    assert_error(&b.send_message("sala", "x"), "not_member");
    leave(&mut a2, "sala");
    assert_eq!(b.join_default("sala")["members"], here(&["cliente", "usuario"]));
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
    let made = a.join("Sala", "secreta", "group");
    assert_eq!((&made["created"], &made["room"]), (&json!(true), &json!("Sala")));
    let entered = a.join("sALA", "secreta", "group");
    assert_eq!(
        (&entered["created"], &entered["room"]),
        (&json!(false), &json!("Sala")),
        "as its maker wrote it"
    );
}
