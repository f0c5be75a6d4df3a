//! WebSocket: who may open one, its rights, and its end with the session.
//!
//! Elsewhere: foreign origins, strangers, forged and dead sessions, floods (`legacy_vulnerabilities_chat`),
//! every broken frame and handshake (`tests/bad_frames.rs`), compression (`dos`), memberships of others
//! (`tests/membership.rs`), rooms of others (`legacy_vulnerabilities_chat`).

use std::io::Write as _;

use serde_json::json;

use super::raw_bytes::GENEROUS;
use crate::common::{Client, Options, Server};

#[test]
fn socket_opens_only_at_its_own_path() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for path in
        ["/", "/chat", "/api/session", "/api/files", "/static/js/app.js", "/ws/", "/ws/x", "/WS", "/nada"]
    {
        assert_ne!(client.send("GET", path, &upgrade, b"").status, 101, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        assert_ne!(client.send(method, "/ws", &upgrade, b"").status, 101, "{method}");
    }
    let in_url = Client::new(&server).send(
        "GET",
        &format!("/ws?{}", client.cookie.as_deref().expect("a cookie")),
        &upgrade,
        b"",
    );
    assert_eq!(in_url.status, 401, "a token in an address opens nothing");
}

#[test]
fn frames_cannot_change_the_user_of_a_socket() {
    let server = Server::start(Options::config(GENEROUS));
    let (mut a, mut b) = (Client::usuario(&server).socket(), Client::cliente(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    b.recv_type("presence");
    for extra in [
        json!({"user": "admin"}),
        json!({"from": "admin"}),
        json!({"seq": 1}),
        json!({"at": "2000-01-01T00:00:00Z"}),
        json!({"role": "administrator"}),
    ] {
        let mut message = json!({"type": "send", "room": "sala", "text": "soy otro"});
        message.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let answer = a.request(message);
        assert_eq!(answer["code"], "bad_request", "a field that is not asked for is refused: {answer}");
    }
    a.send_message("sala", "soy yo");
    let heard = b.recv_type("message");
    assert_eq!((&heard["user"], &heard["text"]), (&json!("usuario"), &json!("soy yo")), "{heard}");
    for kind in ["message", "presence", "joined", "sent", "error", "gap", "admin", "eval", ""] {
        a.send(&json!({"type": kind, "room": "sala", "text": "x", "user": "admin"}));
        assert_eq!(a.recv_type("error")["code"], "bad_request", "{kind:?}");
    }
    b.assert_quiet();
}

#[test]
fn socket_grants_no_more_than_http() {
    let server = Server::start(Options::config(GENEROUS));
    let mut owner = Client::admin(&server).socket();
    owner.join("direccion", "secreta", "private");
    let usuario = Client::usuario(&server);
    let mut socket = usuario.socket();
    for password in ["", "Secreta", "secreta ", "' OR 1=1 --", "*"] {
        let answer = socket.join("direccion", password, "private");
        assert_eq!(answer["type"], "error", "{password:?}: {answer}");
    }
    assert_eq!(usuario.get("/api/rooms").json(), json!([]), "not even its code is told");
    for kind in ["kick", "ban", "rooms", "users", "history", "delete", "password"] {
        assert_eq!(
            socket.request(json!({"type": kind, "room": "direccion"}))["code"],
            "bad_request",
            "{kind}"
        );
    }
}

#[test]
fn sockets_end_with_their_session_only() {
    let server = Server::start(Options::config(GENEROUS));
    let (ana, beto) = (Client::cliente(&server), Client::usuario(&server));
    let mut sockets: Vec<_> = (0..8).map(|_| ana.socket()).collect();
    let mut other = beto.socket();
    assert_eq!(ana.post_form("/logout", "").status, 303);
    for socket in &mut sockets {
        assert_eq!(socket.close_code(), 4001);
        // Frames after the end have no effect.
        let _ = socket.stream.write_all(&[0x81, 0x80, 0, 0, 0, 0]);
    }
    assert_eq!(other.join_default("sala")["type"], "joined");
}

#[test]
fn ten_thousand_pings_and_empty_fragments_are_harmless() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let mut other = Client::usuario(&server).socket();
    let before = server.rss_kib("VmHWM");
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let piece = [0x00, 0x80, 0, 0, 0, 0];
    let begin = [0x01, 0x80, 0, 0, 0, 0];
    let attacks = [
        ping.repeat(10_000),
        [begin.as_slice(), &piece.repeat(10_000)].concat(),
        [begin.as_slice(), &[piece, ping].concat().repeat(5_000)].concat(),
    ];
    for attack in attacks {
        let mut stream = client.handshake(&[]).1;
        stream.set_nonblocking(true).expect("sets");
        let mut sent = 0;
        // The client reads nothing: answers to pings must not pile up in the server.
        for _ in 0..10_000 {
            match stream.write(&attack[sent..]) {
                Ok(n) => sent += n,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => break,
            }
            if sent == attack.len() {
                break;
            }
        }
        assert!(sent > 0);
        assert_eq!(other.join_default("sala")["type"], "joined", "others notice nothing");
    }
    let grown = server.rss_kib("VmHWM") - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
}
