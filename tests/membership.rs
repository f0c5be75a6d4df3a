//! Membership: a session that was let in stays in the room without a socket, and messages are neither lost
//! nor doubled (`docs/API.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket, here};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

/// Starts a server without rate limits.
fn server(more: &str) -> Server {
    Server::start(Options::config(&format!(
        "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\njoins_per_minute = 1000000\n{more}"
    )))
}

fn enter(socket: &mut Socket, room: &str, since: u64) -> Value {
    socket.request(json!({"type": "enter", "room": room, "since": since}))
}

#[track_caller]
fn assert_error(frame: &Value, code: &str) {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
}

/// Waits until the server has noticed the end of `count` sockets of `user`.
fn wait_until_gone(server: &Server, user: &str, count: usize) {
    common::server::eventually("the server sees that the socket is gone", || {
        let log = server.stderr();
        let gone = log
            .lines()
            .filter(|l| l.contains("event=socket.closed") && l.contains(&format!("user=\"{user}\"")));
        gone.count() >= count
    });
}

fn message(frame: &Value) -> (u64, &str) {
    assert_eq!(frame["type"], "message", "{frame}");
    (frame["seq"].as_u64().expect("a number"), frame["text"].as_str().expect("a text"))
}

/// Asserts that nothing but an answer comes.
#[track_caller]
fn assert_silent(socket: &mut Socket) {
    socket.send(&json!({"type": "leave", "ref": "end", "room": "ajena"}));
    assert_eq!(socket.recv()["ref"], "end", "nothing else came");
}

#[test]
fn member_enters_with_a_new_socket_and_gets_missed_messages() {
    let server = server("");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    assert_eq!(a.welcome()["rooms"], json!([]));
    b.join("sala", "secreta", "group");
    a.join("SALA", "secreta", "private");
    a.abort();
    wait_until_gone(&server, "cliente", 1);
    for text in ["uno", "dos"] {
        b.send_message("sala", text);
    }
    let mut a = cliente.socket();
    let own = json!([{"room": "sala", "kind": "group", "seq": 2, "read": 0, "people": 2}]);
    assert_eq!(a.welcome()["rooms"], own);
    assert_eq!(b.send_message("sala", "antes de entrar")["seq"], 3);
    assert_silent(&mut a);
    let back = enter(&mut a, "Sala", 1);
    assert_eq!((&back["type"], &back["room"], &back["seq"]), (&json!("joined"), &json!("sala"), &json!(3)));
    assert_eq!((&back["created"], &back["maker"]), (&json!(false), &json!(false)));
    assert_eq!(back["members"], here(&["cliente", "usuario"]));
    assert_eq!(message(&a.recv()), (2, "dos"));
    assert_eq!(message(&a.recv()), (3, "antes de entrar"));
    assert_eq!(b.send_message("sala", "hola")["seq"], 4);
    assert_eq!(message(&a.recv()), (4, "hola"));
}

#[test]
fn newcomer_gets_nothing_of_before_and_no_gap() {
    let server = server("room_ring = 5\n");
    let usuario = Client::usuario(&server);
    let (mut a, mut b) = (Client::cliente(&server).socket(), usuario.socket());
    a.join_default("sala");
    for n in 0..9 {
        a.send_message("sala", &format!("antes {n}"));
    }
    assert_eq!(b.join_default("sala")["seq"], 9);
    for _ in 0..2 {
        let mut tab = usuario.socket();
        assert_eq!(enter(&mut tab, "sala", 0)["seq"], 9);
        assert_silent(&mut tab);
        b.request(json!({"type": "leave", "room": "sala"}));
        assert_eq!(b.join_default("sala")["seq"], 9);
    }
    a.send_message("sala", "después");
    let mut tab = usuario.socket();
    enter(&mut tab, "sala", 0);
    assert_eq!(message(&tab.recv()), (10, "después"));
    assert_silent(&mut tab);
    assert_eq!(enter(&mut tab, "sala", 99)["type"], "joined", "a number not yet given");
    assert_silent(&mut tab);
}

#[test]
fn gap_names_the_lost_messages() {
    let server = server("room_ring = 5\n");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    a.abort();
    for n in 1..=10 {
        b.send_message("sala", &format!("{n}"));
    }
    // `since`, the gap, the first message after it.
    let cases = [(0, Some((1, 5)), 6), (4, Some((5, 5)), 6), (5, None, 6), (8, None, 9), (10, None, 11)];
    for (since, gap, first) in cases {
        let mut a = cliente.socket();
        let back = enter(&mut a, "sala", since);
        assert_eq!((&back["type"], &back["seq"]), (&json!("joined"), &json!(10)));
        if let Some((from, to)) = gap {
            let expected = json!({"type": "gap", "room": "sala", "from": from, "to": to});
            assert_eq!(a.recv(), expected, "since {since}");
        }
        for n in first..=10 {
            assert_eq!(message(&a.recv()), (n, &*n.to_string()), "since {since}");
        }
        assert_silent(&mut a);
    }
}

#[test]
fn long_replay_is_complete_and_in_order() {
    let server = server("");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    let text = "x".repeat(2000);
    for n in 1..=600_u64 {
        assert_eq!(b.send_message("sala", &format!("{n} {text}"))["seq"], n);
    }
    let mut tab = cliente.socket();
    tab.send(&json!({"type": "enter", "ref": "e", "room": "sala", "since": 0}));
    assert_eq!(tab.recv()["type"], "joined");
    b.send_message("sala", "601");
    for n in 1..=601_u64 {
        let frame = tab.recv();
        assert_eq!(message(&frame).0, n);
        assert!(message(&frame).1.starts_with(&n.to_string()));
    }
    assert_silent(&mut tab);
}

#[test]
fn closed_socket_is_no_leave() {
    let server = server("");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    assert_eq!(b.recv()["event"], "joined");
    for (round, code) in [(1, 1000), (2, 1001)] {
        a.send_raw(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() })));
        assert_eq!(a.close_code(), code, "the server closes as it was asked");
        wait_until_gone(&server, "cliente", round);
        a = cliente.socket();
        assert_eq!(enter(&mut a, "sala", 0)["type"], "joined");
    }
    assert_silent(&mut b);
}

#[test]
fn sockets_of_a_session_are_one_member() {
    let server = server("");
    let cliente = Client::cliente(&server);
    let (mut a, mut a2, mut b) = (cliente.socket(), cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    assert_eq!(b.recv()["event"], "joined");
    assert_error(&a2.send_message("sala", "sin entrar"), "not_member");
    assert_eq!(enter(&mut a2, "sala", 0)["type"], "joined");
    b.send_message("sala", "hola");
    for socket in [&mut a, &mut a2] {
        assert_eq!(message(&socket.recv()), (1, "hola"));
    }
    let left = a.request(json!({"type": "leave", "room": "sala"}));
    assert_eq!((&left["type"], &left["reason"]), (&json!("left"), &json!("left")));
    assert_eq!(a2.recv(), json!({"type": "left", "room": "sala", "reason": "left"}));
    assert_error(&a2.send_message("sala", "ya no"), "not_member");
    assert_error(&enter(&mut a2, "sala", 0), "unknown_room");
    assert_eq!(b.recv_type("presence")["event"], "left");
    assert_silent(&mut b);
}

#[test]
fn read_mark_reaches_the_other_devices_of_the_person_only() {
    let server = server("");
    let (one, two) = (Client::cliente(&server), Client::cliente(&server));
    let (mut phone, mut desk, mut b) = (one.socket(), two.socket(), Client::usuario(&server).socket());
    for socket in [&mut phone, &mut desk, &mut b] {
        socket.join_default("sala");
    }
    b.send_message("sala", "hola");
    for socket in [&mut phone, &mut desk] {
        socket.recv_type("message");
    }
    phone.send(&json!({"type": "read", "room": "sala", "seq": 9}));
    assert_eq!(desk.recv(), json!({"type": "read", "room": "sala", "seq": 1}));
    desk.send(&json!({"type": "read", "room": "sala", "seq": 1}));
    assert_silent(&mut desk);
    assert_silent(&mut phone);
    assert_eq!(one.socket().welcome()["rooms"][0]["read"], 1);
    assert_silent(&mut b);
    assert_error(
        &Client::admin(&server).socket().request(json!({"type": "enter", "room": "sala", "since": 0})),
        "unknown_room",
    );
}

#[test]
fn creating_and_joining_are_told_apart() {
    let server = server("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    let ask = |socket: &mut Socket, room: &str, password: &str, create: bool| {
        socket.request(json!({"type": "join", "room": room, "password": password, "kind": "group",
            "create": create, "label": " Ventas \n 2026 "}))
    };
    assert_error(&ask(&mut a, "sala", "secreta", false), "unknown_room");
    let made = ask(&mut a, "Sala", "secreta", true);
    assert_eq!(
        (&made["created"], &made["label"], &made["maker"]),
        (&json!(true), &json!("Ventas   2026"), &json!(true))
    );
    for socket in [&mut a, &mut b] {
        assert_error(&ask(socket, "sala", "equivocada", true), "room_exists");
    }
    assert_eq!(ask(&mut b, "SALA", "secreta", false)["label"], "Ventas   2026", "no try was counted");
    let lobby = json!([{"room": "Sala", "kind": "group", "label": "Ventas   2026", "members": 2}]);
    assert_eq!(Client::cliente(&server).get("/api/rooms").json(), lobby);
}

#[test]
fn maker_alone_ends_the_room() {
    let server = server("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    let end = json!({"type": "moderate", "room": "sala", "do": "end"});
    a.join_default("sala");
    b.join_default("sala");
    assert_error(&b.request(end.clone()), "not_moderator");
    a.recv_type("presence");
    assert_error(&a.request(end.clone()), "not_moderator");
    b.request(json!({"type": "leave", "room": "sala"}));
    a.recv_type("presence");
    let ended = a.request(end.clone());
    assert_eq!((&ended["type"], &ended["reason"]), (&json!("left"), &json!("ended")));
    assert_error(&a.request(end), "not_member");
    assert_eq!(b.join("sala", "otra clave", "private")["created"], true, "no code is reserved");
}

#[test]
fn ended_session_is_out_of_its_rooms_at_once() {
    let server = server("");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    assert_eq!(b.recv()["event"], "joined");
    assert_eq!(cliente.delete("/api/session").status, 204);
    assert_eq!(b.recv()["event"], "left");
    assert_eq!(a.close_code(), 4001);
    assert_eq!(Client::cliente(&server).socket().welcome()["rooms"], json!([]));
}

#[test]
fn restart_has_another_boot_and_no_rooms() {
    let dir = tempfile::tempdir().expect("a folder");
    let start = || Server::start(Options::config("").data_dir(dir.path()));
    let mut server = start();
    let mut cliente = Client::cliente(&server);
    let mut a = cliente.socket();
    a.join_default("sala");
    let before = a.welcome()["boot"].clone();
    assert_eq!(cliente.socket().welcome()["boot"], before);
    server.kill();
    let server = start();
    cliente.follow(&server);
    let mut a = cliente.socket();
    assert_eq!(a.welcome()["rooms"], json!([]));
    assert_ne!(a.welcome()["boot"], before);
}
