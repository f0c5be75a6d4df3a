//! Fan-out: every receiver gets each message once, in order, and a slow consumer delays no other
//! (`docs/API.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket};
use serde_json::{Value, json};

const UNHURRIED: &str =
    "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\njoins_per_minute = 1000000\n";

/// Returns the next message; other frames are skipped.
fn next_message(socket: &mut Socket) -> (u64, Value) {
    let mut frame = socket.recv_type("message");
    (frame["seq"].as_u64().expect("a number"), frame["text"].take())
}

#[test]
fn slow_consumer_is_closed_without_effect_on_others() {
    // Longest messages, so that the kernel's buffers of any size fill after few of them.
    let limits = format!("{UNHURRIED}room_ring = 256\n");
    let server = Server::start(Options::config(&limits));
    let usuario = Client::usuario(&server);
    let (mut slow, mut sender) = (usuario.socket(), Client::cliente(&server).socket());
    let mut reader = Client::admin(&server).socket();
    slow.join_default("sala");
    sender.join_default("sala");
    reader.join_default("sala");

    let filler = "🦀".repeat(3990);
    let mut said = 0;
    let gone = |server: &Server| {
        server
            .stderr()
            .lines()
            .any(|line| line.contains("event=socket.closed") && line.contains("user=\"usuario\""))
    };
    // 16 KB each: 1.6 GB exceed any socket buffer of the kernel.
    while said < 100_000 && !gone(&server) {
        for _ in 0..20 {
            said += 1;
            let sent = sender.send_message("sala", &format!("{said} {filler}"));
            assert_eq!(
                (&sent["type"], &sent["seq"]),
                (&json!("sent"), &json!(said)),
                "the sender is not held up"
            );
            let (seq, text) = next_message(&mut reader);
            assert_eq!(seq, said, "each one, in order");
            assert_eq!(text, format!("{said} {filler}"));
        }
    }
    assert!(gone(&server), "{said} messages wait in memory for a client that does not read");
    // The queue is full. The line may not have been dead for ten seconds, or memory would fill.
    let closed = server.wait_for_line("event=socket.closed");
    assert!(closed.contains("code=1013"), "{closed}");
    assert_eq!(Client::admin(&server).get("/api/rooms").json()[0]["members"], 3, "a lost socket is no leave");

    // Earlier frames are complete and in order; then the socket ends with 1013 or without a close frame.
    let mut seen = 0;
    let code = loop {
        match slow.try_recv() {
            Ok(frame) if frame["type"] == "message" => {
                seen += 1;
                assert_eq!(frame["seq"], seen, "in order up to the end");
            }
            Ok(_) => {}
            Err(code) => break code,
        }
    };
    assert!([1013, 1006].contains(&code), "{code}");
    assert!(seen < said);

    let mut back = usuario.socket();
    let joined = back.request(json!({"type": "enter", "room": "sala", "since": seen}));
    assert_eq!((&joined["type"], &joined["seq"]), (&json!("joined"), &json!(said)), "{joined}");
    // 256 messages of 16 KB exceed the queue of a socket: a replay is not counted.
    let mut next = seen + 1;
    if said - seen > 256 {
        let gap = back.recv();
        assert_eq!(gap, json!({"type": "gap", "room": "sala", "from": next, "to": said - 256}));
        next = said - 255;
    }
    while next <= said {
        assert_eq!(next_message(&mut back).0, next);
        next += 1;
    }
    sender.send_message("sala", "¿todos?");
    assert_eq!(next_message(&mut back).1, "¿todos?");
    assert_eq!(next_message(&mut reader).1, "¿todos?");
}

#[test]
fn fifty_sockets_get_100_messages_once_in_order() {
    const SOCKETS: usize = 50;
    const SENDERS: usize = 5;
    const EACH: usize = 20;
    let limits = format!("{UNHURRIED}sockets_per_session = 64\nconnections_per_address = 256\n");
    let server = Server::start(Options::config(&limits));
    let people = [Client::cliente(&server), Client::usuario(&server), Client::admin(&server)];
    let mut sockets: Vec<_> = (0..SOCKETS).map(|n| people[n % people.len()].socket()).collect();
    for socket in &mut sockets {
        socket.join_default("sala");
    }
    // Sends without waiting for answers; 100 messages fit into a queue.
    std::thread::scope(|scope| {
        for (who, socket) in sockets.iter_mut().take(SENDERS).enumerate() {
            scope.spawn(move || {
                for n in 0..EACH {
                    socket.send(&json!({"type": "send", "room": "sala", "text": format!("{who} {n}")}));
                }
            });
        }
    });
    let mut first_told = None;
    for (n, socket) in sockets.iter_mut().enumerate() {
        let mut texts = Vec::new();
        for seq in 1..=u64::try_from(SENDERS * EACH).expect("fits") {
            let (got, text) = next_message(socket);
            assert_eq!(got, seq, "socket {n}: each once and in order");
            texts.push(text.as_str().expect("a text").to_owned());
        }
        // All receive the same order.
        assert_eq!(&texts, first_told.get_or_insert_with(|| texts.clone()), "socket {n}");
    }
    // Messages of each sender keep their order.
    let told = first_told.expect("a receiver got the notice");
    for who in 0..SENDERS {
        let own: Vec<_> = told.iter().filter(|text| text.starts_with(&format!("{who} "))).cloned().collect();
        assert_eq!(own, (0..EACH).map(|n| format!("{who} {n}")).collect::<Vec<_>>());
    }
    // No duplicates: the next message has the next number.
    let (last, others) = sockets.split_last_mut().expect("fifty");
    last.send(&json!({"type": "send", "room": "sala", "text": "fin"}));
    for socket in others {
        assert_eq!(next_message(socket), (101, json!("fin")));
    }
}
