//! Chat over TLS, where the task of each socket encrypts and writes; over plain TCP the sender's task writes.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::Write as _;
use std::time::Duration;

use common::http::read_response;
use common::tls::{Secure, Stream};
use common::{Options, Response};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocketContext};

/// More messages than a socket forwards in one turn.
const MESSAGES: u64 = 100;

fn ask(secure: &Secure, method: &str, path: &str, extra: &str) -> (Response, Stream) {
    let mut stream = secure.connect("pichat.local").expect("connects");
    stream.sock.set_read_timeout(Some(Duration::from_secs(20))).expect("sets");
    let port = secure.server.addr.port();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: pichat.local:{port}\r\n{extra}").expect("writes");
    (read_response(&mut stream, false).expect("an answer"), stream)
}

#[test]
fn long_chat_over_tls_delivers_every_message() {
    let users = vec![("ana", "una-clave-larga", "cliente")];
    let limits = "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\n";
    let secure = Secure::start(Options { users, ..Options::config(limits) });
    let body = r#"{"username":"ana","password":"una-clave-larga"}"#;
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (answer, _) = ask(&secure, "POST", "/api/session", &head);
    let cookie = answer.session_cookie().and_then(|c| c.split(';').next()).expect("a cookie").to_owned();
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut people: Vec<_> = (0..2)
        .map(|_| {
            let (answer, stream) = ask(&secure, "GET", "/ws", &format!("Cookie: {cookie}\r\n{upgrade}"));
            assert_eq!(answer.status, 101, "{}", answer.text());
            (stream, WebSocketContext::new(Role::Client, None))
        })
        .collect();
    let send = |(stream, ctx): &mut (Stream, WebSocketContext), value: &Value| {
        ctx.write(stream, Message::text(value.to_string())).expect("writes");
        ctx.flush(stream).expect("flushes");
    };
    let recv = |(stream, ctx): &mut (Stream, WebSocketContext)| -> Value {
        let text = ctx.read(stream).expect("a frame").into_text().expect("text");
        serde_json::from_str(&text).expect("JSON")
    };
    for person in &mut people {
        send(person, &json!({"type": "join", "room": "sala", "password": "secreta", "kind": "group"}));
        assert_eq!(recv(person)["type"], "joined");
    }
    for n in 1..=MESSAGES {
        send(&mut people[0], &json!({"type": "send", "room": "sala", "text": format!("mensaje {n}")}));
        let told = recv(&mut people[1]);
        assert_eq!((&told["type"], &told["seq"]), (&json!("message"), &json!(n)));
        let (first, second) = (recv(&mut people[0]), recv(&mut people[0]));
        assert!([&first["type"], &second["type"]].contains(&&json!("sent")), "{first} {second}");
    }
}
