//! Resume: a lost connection keeps its seat for the grace time, and messages are neither lost nor doubled
//! (`docs/API.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

/// Starts a server with a grace time in seconds, no rate limits, and empty rooms that end at the next sweep.
fn server(grace: u32, more: &str) -> Server {
    let limits =
        "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\njoins_per_minute = 1000000\n";
    Server::start(Options::config(&format!(
        "[chat]\nresume_grace_seconds = {grace}\nempty_room_minutes = 0\n{limits}{more}"
    )))
}

fn resume(socket: &mut Socket, room: &str, token: &Value, since: u64) -> Value {
    socket.send(&json!({"type": "resume", "ref": "r", "room": room, "resume": token, "since": since}));
    socket.recv()
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

/// Waits for a complete sweep: an abandoned room ends in one, and the second of two ends shows that the first
/// sweep is over.
fn let_the_clock_look(server: &Server) {
    let mut socket = Client::admin(server).socket();
    for room in ["reloj-1", "reloj-2"] {
        socket.join_default(room);
        socket.request(json!({"type": "leave", "room": room}));
        server.wait_for_line(&format!("event=room.ended result=ok room={room}"));
    }
}

fn message(frame: &Value) -> (u64, &str) {
    assert_eq!(frame["type"], "message", "{frame}");
    (frame["seq"].as_u64().expect("a number"), frame["text"].as_str().expect("a text"))
}

#[test]
fn resume_replays_missed_messages_in_order() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let joined = a.join_default("sala");
    b.recv_type("presence");
    b.send_message("sala", "visto");
    assert_eq!(a.recv()["text"], "visto");
    a.abort();
    wait_until_gone(&server, "cliente", 1);
    for n in 2..=9 {
        b.send_message("sala", &format!("perdido {n}"));
    }
    assert_eq!(Client::admin(&server).get("/api/rooms").json()[0]["members"], 2, "the place is kept");
    let mut a = cliente.socket();
    let mut back = resume(&mut a, "sala", &joined["resume"], 1);
    let token = back["resume"].take();
    assert_eq!(
        back,
        json!({"type": "joined", "ref": "r", "room": "sala", "kind": "group", "created": false,
               "members": ["cliente", "usuario"], "seq": 9, "resume": null})
    );
    for n in 2..=9 {
        let frame = a.recv();
        assert_eq!(message(&frame), (n, &*format!("perdido {n}")));
        assert_eq!((&frame["user"], &frame["room"]), (&json!("usuario"), &json!("sala")));
    }
    // The seat receives and sends again, and no presence was sent meanwhile.
    a.send(&json!({"type": "send", "room": "sala", "text": "volví"}));
    assert_eq!(message(&a.recv_type("message")), (10, "volví"));
    while b.recv_type("message")["seq"] != 10 {}
    a.abort();
    wait_until_gone(&server, "cliente", 2);
    b.send(&json!({"type": "typing", "room": "ajena"}));
    assert_error(&b.recv(), "not_member");

    assert_ne!(token, joined["resume"]);
    let mut a = cliente.socket();
    assert_error(&resume(&mut a, "sala", &joined["resume"], 10), "unknown_room");
    assert_eq!(resume(&mut a, "sala", &token, 10)["type"], "joined", "only the newest token counts");
    b.send(&json!({"type": "send", "room": "sala", "text": "nada perdido"}));
    assert_eq!(message(&a.recv()), (11, "nada perdido"));
}

#[test]
fn short_absence_sends_no_presence() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let mut token = a.join_default("sala")["resume"].take();
    assert_eq!(b.recv()["event"], "joined");
    for round in 1..=3 {
        a.abort();
        wait_until_gone(&server, "cliente", round);
        if round == 1 {
            let_the_clock_look(&server);
        }
        a = cliente.socket();
        token = resume(&mut a, "sala", &token, 0)["resume"].take();
    }
    a.send_message("sala", "aquí");
    assert_eq!(b.recv()["text"], "aquí", "nothing came between");
}

#[test]
fn resume_token_is_bound_to_user_and_room() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let mut a = cliente.socket();
    let (one, two) = (a.join_default("uno"), a.join_default("dos"));
    let mut thief = Client::usuario(&server).socket();
    thief.join_default("dos");
    a.abort();
    let mut a = cliente.socket();
    let token = one["resume"].as_str().expect("a token");
    let digit = if token.starts_with('0') { "1" } else { "0" };
    let forged = [
        format!("{digit}{}", &token[1..]),
        format!("{}{digit}", &token[..token.len() - 1]),
        token[..token.len() - 2].to_owned(),
        format!("{token}00"),
        String::new(),
        "x".repeat(5000),
        "ñ".repeat(56),
    ];
    for forged in forged.iter().filter(|forged| *forged != token) {
        assert_error(&resume(&mut a, "uno", &json!(forged), 0), "unknown_room");
    }
    assert_error(&resume(&mut thief, "uno", &one["resume"], 0), "unknown_room");
    assert_error(&resume(&mut thief, "dos", &two["resume"], 0), "unknown_room");
    assert_error(&resume(&mut a, "dos", &one["resume"], 0), "unknown_room");
    assert_error(&resume(&mut a, "tres", &one["resume"], 0), "unknown_room");
    assert_error(&a.send_message("uno", "x"), "not_member");
    assert_eq!(resume(&mut a, "uno", &one["resume"], 0)["type"], "joined", "no wrong try has cost anything");
    assert_eq!(resume(&mut a, "dos", &two["resume"], 0)["type"], "joined", "a socket resumes all its rooms");
}

#[test]
fn rejoining_ends_the_older_resume_token() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let mut a = cliente.socket();
    let (first, second) = (a.join_default("sala"), a.join_default("sala"));
    a.abort();
    let mut a = cliente.socket();
    assert_error(&resume(&mut a, "sala", &first["resume"], 0), "unknown_room");
    assert_eq!(resume(&mut a, "sala", &second["resume"], 0)["type"], "joined");
}

#[test]
fn leaving_ends_the_resume_token() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let joined = a.join_default("sala");
    a.request(json!({"type": "leave", "room": "sala"}));
    assert_error(&resume(&mut a, "sala", &joined["resume"], 0), "unknown_room");
    assert_error(&resume(&mut cliente.socket(), "sala", &joined["resume"], 0), "unknown_room");
}

#[test]
fn gap_names_the_lost_messages() {
    let server = server(300, "room_ring = 4\n");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let mut token = a.join_default("sala")["resume"].take();
    for n in 1..=10 {
        b.send_message("sala", &format!("{n}"));
    }
    // `since`, the gap, the first message after it.
    let cases = [
        (0, Some((1, 6)), 7),
        (3, Some((4, 6)), 7),
        (5, Some((6, 6)), 7),
        (6, None, 7),
        (8, None, 9),
        (10, None, 11),
    ];
    for (since, gap, first) in cases {
        a.abort();
        a = cliente.socket();
        let back = resume(&mut a, "sala", &token, since);
        assert_eq!((&back["type"], &back["seq"]), (&json!("joined"), &json!(10)));
        token = back["resume"].clone();
        if let Some((from, to)) = gap {
            assert_eq!(
                a.recv(),
                json!({"type": "gap", "room": "sala", "from": from, "to": to}),
                "since {since}"
            );
        }
        for n in first..=10 {
            assert_eq!(message(&a.recv()), (n, &*n.to_string()), "since {since}");
        }
        a.send(&json!({"type": "leave", "ref": "end", "room": "ajena"}));
        assert_eq!(a.recv()["ref"], "end", "nothing came twice, since {since}");
    }
}

#[test]
fn closed_socket_may_resume() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let mut token = a.join_default("sala")["resume"].take();
    assert_eq!(b.recv()["event"], "joined");
    for (round, code) in [(1, 1000), (2, 1001)] {
        a.send_raw(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() })));
        assert_eq!(a.close_code(), code, "the server closes as it was asked");
        wait_until_gone(&server, "cliente", round);
        b.send(&json!({"type": "send", "room": "sala", "text": format!("tras {code}")}));
        let heard = loop {
            let frame = b.recv();
            assert_ne!(frame["type"], "presence", "a close frame is no `leave`");
            if frame["type"] == "message" {
                break frame;
            }
        };
        assert_eq!(heard["text"], format!("tras {code}"));
        a = cliente.socket();
        let back = resume(&mut a, "sala", &token, heard["seq"].as_u64().expect("a number") - 1);
        assert_eq!(back["members"], json!(["cliente", "usuario"]), "{back}");
        token = back["resume"].clone();
        assert_eq!(a.recv()["text"], format!("tras {code}"));
    }
    a.send_message("sala", "fin");
    loop {
        let frame = b.recv();
        assert_ne!(frame["type"], "presence", "no presence frame of a leave");
        if frame["text"] == "fin" {
            break;
        }
    }
}

#[test]
fn resume_takes_the_seat_of_a_live_socket() {
    let server = server(300, "");
    let cliente = Client::cliente(&server);
    let (mut old, mut new, mut b) = (cliente.socket(), cliente.socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    let joined = old.join_default("sala");
    old.join_default("propia");
    assert_eq!(b.recv()["event"], "joined");
    b.send(&json!({"type": "send", "room": "sala", "text": "uno"}));
    assert_eq!(old.recv()["text"], "uno");
    assert_eq!(resume(&mut new, "sala", &joined["resume"], 0)["type"], "joined");
    assert_eq!(message(&new.recv()), (1, "uno"));
    b.send(&json!({"type": "send", "room": "sala", "text": "dos"}));
    assert_eq!(message(&new.recv()), (2, "dos"));
    for request in ["typing", "leave"] {
        old.send(&json!({"type": request, "room": "sala"}));
        assert_error(&old.recv(), "not_member");
    }
    assert_error(&old.send_message("sala", "desde antes"), "not_member");
    assert_eq!(old.send_message("propia", "aquí sí")["type"], "sent", "its other rooms stay its own");
    old.abort();
    wait_until_gone(&server, "cliente", 1);
    new.send_message("sala", "tres");
    for text in ["uno", "dos", "tres"] {
        assert_eq!(b.recv_type("message")["text"], text);
    }
    new.request(json!({"type": "leave", "room": "sala"}));
    assert_eq!(b.recv()["event"], "left", "one place, so that one `leave` leaves");
}

#[test]
fn grace_end_sends_presence_and_ends_the_token() {
    for grace in [0, 1] {
        let server = server(grace, "");
        let cliente = Client::cliente(&server);
        let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
        b.join_default("sala");
        let joined = a.join_default("sala");
        assert_eq!(b.recv()["event"], "joined");
        a.abort();
        let left = b.recv();
        assert_eq!(
            (&left["type"], &left["user"], &left["event"]),
            (&json!("presence"), &json!("cliente"), &json!("left"))
        );
        let mut a = cliente.socket();
        assert_error(&resume(&mut a, "sala", &joined["resume"], 0), "unknown_room");
        assert_eq!(a.join_default("sala")["members"], json!(["cliente", "usuario"]));
        assert_eq!(b.recv()["event"], "joined", "he is new here");
    }
}

#[test]
fn left_is_sent_for_the_last_socket_of_a_user() {
    let server = server(1, "");
    let cliente = Client::cliente(&server);
    let (mut a, mut a2, mut b) = (cliente.socket(), cliente.socket(), Client::usuario(&server).socket());
    let mut c = Client::admin(&server).socket();
    b.join_default("sala");
    a.join_default("sala");
    a2.join_default("sala");
    c.join_default("sala");
    for name in ["cliente", "admin"] {
        assert_eq!(b.recv()["user"], name);
    }
    a.abort();
    c.abort();
    // The sweep that ends one grace time has seen the other.
    let left = b.recv();
    assert_eq!((&left["user"], &left["event"]), (&json!("admin"), &json!("left")));
    a2.send_message("sala", "sigo");
    assert_eq!(b.recv()["text"], "sigo");
    a2.abort();
    let left = b.recv();
    assert_eq!((&left["user"], &left["event"]), (&json!("cliente"), &json!("left")));
}

#[test]
fn resume_shows_nothing_from_before_the_first_join() {
    let server = server(300, "");
    let usuario = Client::usuario(&server);
    let (mut a, mut b) = (Client::cliente(&server).socket(), usuario.socket());
    a.join_default("sala");
    a.send_message("sala", "antes de que entrara");
    let joined = b.join_default("sala");
    assert_eq!(joined["seq"], 1);
    b.abort();
    wait_until_gone(&server, "usuario", 1);
    a.send_message("sala", "después");
    let mut b = usuario.socket();
    assert_eq!(resume(&mut b, "sala", &joined["resume"], 0)["type"], "joined");
    assert_eq!(message(&b.recv_type("message")), (2, "después"), "a newcomer never sees the ring");
}
