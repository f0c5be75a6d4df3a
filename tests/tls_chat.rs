//! Chat over TLS, where the task of each socket encrypts and writes; over plain TCP the sender's task writes.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::Options;
use common::tls::{Secure, Stream};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocketContext};

/// More messages than a socket forwards in one turn.
const MESSAGES: u64 = 100;

#[test]
fn long_chat_over_tls_delivers_every_message() {
    let users = vec![("ana", "una-clave-larga", "cliente")];
    let limits = "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\n";
    let secure = Secure::start(Options { users, ..Options::config(limits) });
    let cookie = secure.sign_in("ana", "una-clave-larga");
    let mut people: Vec<_> =
        (0..2).map(|_| (secure.upgrade(&cookie), WebSocketContext::new(Role::Client, None))).collect();
    let send = |(stream, ctx): &mut (Stream, WebSocketContext), value: &Value| {
        ctx.write(stream, Message::text(value.to_string())).expect("writes");
        ctx.flush(stream).expect("flushes");
    };
    let recv = |(stream, ctx): &mut (Stream, WebSocketContext)| -> Value {
        let text = ctx.read(stream).expect("a frame").into_text().expect("text");
        serde_json::from_str(&text).expect("JSON")
    };
    for person in &mut people {
        assert_eq!(recv(person)["type"], "welcome");
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
