//! Faults of the Python program that PiChat replaces, in its chat; none may come back. The `pub` ones are
//! among the seventeen of [`super::legacy_vulnerabilities`], which calls them.

use std::io::Write as _;

use crate::common::{Client, Options, Server};
use serde_json::{Value, json};

#[track_caller]
fn assert_error(frame: &Value, code: &str) {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
}

pub(crate) fn wrong_room_password_is_refused() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join("sala", "secreta", "private");
    assert_error(&b.join("sala", "Secreta", "private"), "wrong_password");
    assert_error(&b.send_message("sala", "¿estoy?"), "not_member");
    a.send_message("sala", "entre nosotros");
    b.send(&json!({"type": "leave", "ref": "n", "room": "sala"}));
    assert_eq!(b.recv()["code"], "not_member", "messages do not reach a non-member");
    a.send(&json!({"type": "send", "room": "sala", "text": "fin"}));
    assert_eq!(a.recv_type("message")["text"], "fin", "nor his words those inside");
}

pub(crate) fn sending_into_a_room_without_joining_is_refused() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("otra");
    for room in ["sala", "ninguna"] {
        // The answer is the same for both, so that private rooms stay unknown.
        assert_error(&b.send_message(room, "desde fuera"), "not_member");
        b.send(&json!({"type": "typing", "room": room}));
        assert_error(&b.recv(), "not_member");
    }
    let say = json!({"type": "send", "room": "sala", "text": "dentro"});
    a.send(&say);
    let first = a.recv_type("message");
    assert_eq!((&first["text"], &first["seq"]), (&json!("dentro"), &json!(1)));
    // Membership belongs to a socket: another socket of the same user is outside.
    let mut second = Client::cliente(&server).socket();
    second.send(&say);
    assert_error(&second.recv(), "not_member");
}

#[test]
fn leave_ends_the_membership() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    assert_eq!(b.request(json!({"type": "leave", "room": "sala"}))["type"], "left");
    a.send_message("sala", "ya sin él");
    b.send(&json!({"type": "send", "room": "sala", "text": "¿me oyen?"}));
    assert_error(&b.recv(), "not_member");
    assert_eq!(Client::admin(&server).get("/api/rooms").json()[0]["members"], 1);
}

pub(crate) fn logout_ends_the_session_and_its_sockets() {
    let server = Server::demo();
    let (ana, beto) = (Client::cliente(&server), Client::usuario(&server));
    let elsewhere = Client::cliente(&server);
    let (mut a, mut a2, mut other, mut b) = (ana.socket(), ana.socket(), elsewhere.socket(), beto.socket());
    for socket in [&mut a, &mut other, &mut b] {
        socket.join_default("sala");
    }
    assert_eq!(ana.delete("/api/session").status, 204);
    assert_eq!((a.close_code(), a2.close_code()), (4001, 4001));
    assert_eq!(ana.get("/api/session").code(), "unauthenticated");
    assert_eq!(ana.handshake(&[]).0.status, 401, "the old cookie opens nothing");
    assert_eq!(
        other.send_message("sala", "yo sigo")["type"],
        "sent",
        "her session on another device goes on"
    );
    assert_eq!(b.send_message("sala", "y yo")["type"], "sent");

    // The same with the form of the page.
    assert_eq!(elsewhere.post_form("/logout", "").status, 303);
    assert_eq!(other.close_code(), 4001);
    assert_eq!(elsewhere.handshake(&[]).0.status, 401);
}

#[test]
fn last_frames_of_an_ended_session_are_dropped() {
    let server = Server::demo();
    let (ana, beto) = (Client::cliente(&server), Client::usuario(&server));
    let (mut a, mut b) = (ana.socket(), beto.socket());
    a.join_default("sala");
    b.join_default("sala");
    assert_eq!(ana.delete("/api/session").status, 204);
    // Written without checks past the library: the socket may be closed already.
    let late = br#"{"type":"send","room":"sala","text":"tarde"}"#;
    let head = [0x81, 0x80 | u8::try_from(late.len()).expect("short"), 0, 0, 0, 0];
    let _ = a.stream.write_all(&[&head, late.as_slice()].concat());
    assert_eq!(a.close_code(), 4001);
    b.send(&json!({"type": "send", "room": "sala", "text": "fin"}));
    assert_eq!(b.recv_type("message")["text"], "fin");
}

pub(crate) fn foreign_origin_is_refused_on_the_socket() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let own = format!("http://{}", server.addr);
    let foreign: [&[(&str, &str)]; 8] = [
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.example")],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Origin", &format!("http://{}.evil.example", server.addr.ip()))],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &own)],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://evil.example")],
    ];
    for headers in foreign {
        let (answer, _) = client.handshake(headers);
        assert_eq!((answer.status, &*answer.code()), (403, "cross_origin"), "{headers:?}");
    }
    let same: [&[(&str, &str)]; 4] = [
        &[],
        &[("Origin", &own)],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", &own)],
        &[("Sec-Fetch-Site", "none")],
    ];
    for headers in same {
        assert_eq!(client.handshake(headers).0.status, 101, "{headers:?}");
    }
    let rebound = client.handshake(&[("Host", "evil.example"), ("Origin", "http://evil.example")]).0;
    assert_eq!((rebound.status, &*rebound.code()), (421, "misdirected"), "DNS rebinding");
}

#[test]
fn allowed_origin_may_open_a_socket() {
    let server = Server::start(Options::config("[http]\nallowed_origins = [\"https://intranet.example\"]\n"));
    let client = Client::cliente(&server);
    let open = |origin| client.handshake(&[("Origin", origin), ("Sec-Fetch-Site", "cross-site")]).0.status;
    assert_eq!(open("https://intranet.example"), 101);
    assert_eq!(open("http://intranet.example"), 403);
    assert_eq!(open("https://intranet.example.evil.example"), 403);
}

pub(crate) fn message_flood_is_limited() {
    let server = Server::demo();
    let (client, mut b) = (Client::cliente(&server), Client::usuario(&server).socket());
    let (mut a, mut a2) = (client.socket(), client.socket());
    for socket in [&mut b, &mut a, &mut a2] {
        socket.join_default("sala");
    }
    let started = std::time::Instant::now();
    // Two sockets of one user share a limit. 60 each, so that neither is closed for flooding.
    let answers: Vec<_> = (0..120)
        .map(|n| if n % 2 == 0 { a.send_message("sala", "x") } else { a2.send_message("sala", "x") })
        .collect();
    let (sent, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["type"] == "sent");
    // 20 at once, then one a second.
    let allowed = 21 + usize::try_from(started.elapsed().as_secs()).expect("small");
    assert!((20..=allowed).contains(&sent.len()), "{} went through, 20 to {allowed} may", sent.len());
    for answer in &refused {
        assert_error(answer, "rate_limited");
        assert!(answer["retry_after"].as_u64().is_some_and(|s| s >= 1), "{answer}");
    }
    assert_eq!(
        b.send_message("sala", "yo no tengo la culpa")["seq"],
        sent.len() + 1,
        "the limit is of one person"
    );
}

#[test]
fn joins_are_limited() {
    let server = Server::start(Options::config("[limits]\njoins_per_minute = 1\n"));
    let mut a = Client::cliente(&server).socket();
    a.join_default("uno");
    let answer = a.join("dos", "secreta", "group");
    assert_error(&answer, "rate_limited");
    assert!(answer["retry_after"].as_u64().is_some_and(|s| (1..=60).contains(&s)), "{answer}");
    assert_eq!(a.send_message("uno", "hola")["type"], "sent", "speaking has a limit of its own");
}

#[test]
fn anonymous_socket_is_refused() {
    let server = Server::demo();
    let stranger = Client::new(&server);
    let mut forger = stranger.clone();
    forger.cookie = Some(format!("{}={}", server.cookie_name(), "0".repeat(64)));
    for client in [&stranger, &forger] {
        let (answer, _) = client.handshake(&[]);
        assert_eq!((answer.status, &*answer.code()), (401, "unauthenticated"));
    }
    // A session is not taken from the address either, to which any client could bind the Python program's
    // cookie.
    let known = Client::cliente(&server);
    assert_eq!(known.handshake(&[("X-Forwarded-For", "9.9.9.9")]).0.status, 101);
    assert_eq!(stranger.handshake(&[("X-Forwarded-For", "127.0.0.1")]).0.status, 401);
}

pub(crate) fn html_in_messages_is_not_escaped_by_the_server() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    for text in [
        "<b>x</b>",
        "a < b && c > d",
        "&lt;b&gt;",
        "uno\ndos",
        "<img src=x onerror=\"alert('1')\">",
        "  sin recortar  ",
    ] {
        a.send_message("sala", text);
        assert_eq!(b.recv()["text"], text);
    }
}

#[test]
fn new_member_sees_no_history() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    for n in 0..10 {
        a.send_message("sala", &format!("antes {n}"));
    }
    assert_eq!(b.join_default("sala")["seq"], 10);
    a.send_message("sala", "ahora");
    let first = b.recv();
    assert_eq!(
        (&first["type"], &first["text"], &first["seq"]),
        (&json!("message"), &json!("ahora"), &json!(11))
    );
    b.request(json!({"type": "leave", "room": "sala"}));
    a.send_message("sala", "sin él");
    b.join_default("sala");
    a.send_message("sala", "de vuelta");
    assert_eq!(b.recv()["text"], "de vuelta", "who left and came again is a newcomer");
}

#[test]
fn log_holds_no_passwords_tokens_or_messages() {
    let server = Server::demo();
    let (client, mut b) = (Client::cliente(&server), Client::usuario(&server).socket());
    let mut a = client.socket();
    a.join("sala", "MUYsecreta", "private");
    b.join("sala", "MUYequivocada", "private");
    a.send_message("sala", "MUYprivado");
    a.send_text(r#"{"type":"join","room":"sala","password":"MUYsecreta","kind":"MUYraro"}"#);
    a.close();
    server.wait_for_line("event=room.wrong_password");
    server.wait_for_line("event=socket.closed");
    let log = server.stderr();
    let cookie = client.cookie.as_deref().and_then(|c| c.split_once('=')).expect("a cookie").1;
    for secret in ["MUY", cookie, "cliente123"] {
        assert!(!log.contains(secret), "{secret} in: {log}");
    }
}
