//! Invalid frames, handshakes and requests: each gets the answer of the contract and disturbs no other socket
//! (`docs/API.md`; RFC 6455).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use common::http::read_response;
use common::{Client, Options, Server, Socket};
use serde_json::{Value, json};

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Returns a client's frame, masked with a key that changes every byte, with the given first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).expect("fits")),
        medium => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(medium).expect("fits").to_be_bytes());
        }
    }
    bytes.extend_from_slice(&key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Reads a frame of the server: first byte and payload.
fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
    let mut length = usize::from(head[1]);
    if length == 126 {
        let mut long = [0; 2];
        stream.read_exact(&mut long).expect("a length");
        length = u16::from_be_bytes(long).into();
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).expect("a payload");
    (head[0], payload)
}

fn padded(length: usize) -> String {
    let mut text = r#"{"type":"leave","room":"ajena"}"#.to_owned();
    text.extend(std::iter::repeat_n(' ', length - text.len()));
    text
}

/// Refused frames that a socket may send in a minute.
const FLOOD: usize = 120;

#[track_caller]
fn assert_error(frame: &Value, code: &str) {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
}

/// Server with two users in a room who must not notice anything.
struct Stage {
    server: Server,
    client: Client,
    witness: Socket,
}

impl Stage {
    fn new() -> Self {
        // Closed sockets end in their own time; their number is not tested here.
        let server =
            Server::start(Options::config("[limits]\nsockets_per_session = 64\nmessage_chars = 1000\n"));
        let client = Client::cliente(&server);
        let mut witness = Client::usuario(&server).socket();
        witness.join_default("sala");
        Self { server, client, witness }
    }

    /// Sends `bytes` on a new socket, which the server must close with `code`.
    #[track_caller]
    fn closes(&mut self, bytes: &[u8], code: u16, what: &str) {
        let mut socket = self.client.socket();
        // The server may close before it has read all.
        let _ = socket.stream.write_all(bytes);
        assert_eq!(socket.close_code(), code, "{what}");
        self.goes_on(what);
    }

    #[track_caller]
    fn goes_on(&mut self, after: &str) {
        let answer = self.witness.request(json!({"type": "leave", "room": "ajena"}));
        assert_eq!(answer["code"], "not_member", "{after}");
        assert_eq!(Client::new(&self.server).get("/api/health").status, 200, "{after}");
    }
}

#[test]
fn malformed_request_is_refused_and_the_socket_stays() {
    let server = Server::demo();
    let mut a = Client::cliente(&server).socket();
    a.join_default("sala");
    let deep = "[".repeat(5000);
    let bad = [
        "",
        " ",
        "{",
        "hola",
        "null",
        "7",
        "[]",
        "{}",
        "\"send\"",
        &deep,
        r#"{"type":"send","room":"sala","text":"x"} {}"#,
        r#"{"type":"send","room":"sala","text":"x",}"#,
        r#"{"room":"sala","text":"x"}"#,
        r#"{"type":7,"room":"sala","text":"x"}"#,
        r#"{"type":null,"room":"sala"}"#,
        r#"{"type":"shout","room":"sala","text":"x"}"#,
        r#"{"type":"SEND","room":"sala","text":"x"}"#,
        r#"{"type":"send","room":"sala"}"#,
        r#"{"type":"send","text":"x"}"#,
        r#"{"type":"send","room":7,"text":"x"}"#,
        r#"{"type":"send","room":["sala"],"text":"x"}"#,
        r#"{"type":"send","room":"sala","text":null}"#,
        r#"{"type":"send","room":"sala","text":{"toString":"x"}}"#,
        r#"{"type":"send","room":"sala","text":"x","user":"admin"}"#,
        r#"{"type":"send","room":"sala","text":"x","text":"y"}"#,
        r#"{"type":"send","room":"sala","text":"\ud800"}"#,
        r#"{"type":"send","ref":{},"room":"sala","text":"x"}"#,
        r#"{"type":"leave","room":"sala","now":true}"#,
        r#"{"type":"join","room":"sala","password":"secreta"}"#,
        r#"{"type":"join","room":"sala","kind":"group"}"#,
        r#"{"type":"join","room":"sala","password":1234,"kind":"group"}"#,
        r#"{"type":"join","room":"sala","password":"secreta","kind":"public"}"#,
        r#"{"type":"join","room":"sala","password":"secreta","kind":"group","is_group":true}"#,
        r#"{"type":"enter","room":"sala"}"#,
        r#"{"type":"enter","room":"sala","since":-1}"#,
        r#"{"type":"enter","room":"sala","since":1.5}"#,
        r#"{"type":"enter","room":"sala","since":"0"}"#,
        r#"{"type":"enter","room":"sala","since":18446744073709551616}"#,
        r#"{"type":"resume","room":"sala","resume":"x","since":0}"#,
        r#"{"type":"read","room":"sala"}"#,
        r#"{"type":"moderate","room":"sala","do":"shout"}"#,
        r#"{"type":"typing","room":"sala","text":"x"}"#,
        r#"{"type":"message","room":"sala","seq":1,"user":"admin","text":"x","at":"2026-01-01T00:00:00.000Z"}"#,
        r#"{"type":"error","code":"bad_request"}"#,
    ];
    for text in bad {
        a.send_text(text);
        assert_error(&a.recv(), "bad_request");
    }
    // The readable `ref` of the request is echoed.
    a.send_text(r#"{"type":"send","ref":"r9","room":"sala"}"#);
    assert_eq!(a.recv()["ref"], "r9");
    a.send(&json!({"type": "send", "room": "x".repeat(300), "text": "x"}));
    let long = a.recv();
    assert!(["bad_request", "too_long"].map(Some).contains(&long["code"].as_str()), "{long}");
    assert_eq!(a.send_message("sala", "sigo aquí")["seq"], 1, "nothing of all that was said");
}

#[test]
fn refused_frames_of_any_kind_count_as_flooding() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let long = json!({"type": "send", "room": "sala", "text": "x".repeat(4001)}).to_string();
    let other = r#"{"type":"leave","room":"ajena"}"#;
    let code = r#"{"type":"leave","room":"ñ"}"#;
    for (frames, reason) in [(["{", other], "not_member"), ([code, long.as_str()], "too_long")] {
        let mut socket = client.socket();
        socket.join_default("sala");
        for n in 0..FLOOD {
            socket.send_text(frames[n % 2]);
            assert_eq!(socket.recv_type("error")["type"], "error", "{n}");
        }
        assert_eq!(socket.send_message("sala", "sigo")["type"], "sent", "as many as one may");
        socket.send_text(frames[1]);
        assert_eq!(socket.close_code(), 1008);
        let line = server.wait_for_line(&format!(
            r#"event=socket.flooding result=refused user="cliente" addr=127.0.0.1 reason={reason}"#
        ));
        assert_eq!(server.stderr().matches(&line).count(), 1, "one line");
    }
    assert_eq!(server.stderr().matches("event=socket.flooding").count(), 2);
}

#[test]
fn many_bad_requests_at_once_are_all_answered() {
    const MANY: usize = FLOOD;
    let server = Server::demo();
    let mut a = Client::cliente(&server).socket();
    a.join_default("sala");
    // The first request is delivered to a member, so that writes are pending while the others arrive.
    let mut at_once = frame(FIN | TEXT, br#"{"type":"send","room":"sala","text":"hola"}"#);
    at_once.extend(std::iter::repeat_n(frame(FIN | TEXT, b"{"), MANY).flatten());
    a.stream.write_all(&at_once).expect("writes");
    assert_eq!(a.recv()["type"], "message");
    assert_eq!(a.recv()["type"], "sent");
    for _ in 0..MANY {
        assert_error(&a.recv(), "bad_request");
    }
    assert_eq!(a.send_message("sala", "sigo")["type"], "sent");
}

#[test]
fn more_than_120_rate_limited_in_a_minute_is_flooding() {
    let server = Server::start(Options::config("[limits]\nmessages_per_minute = 1\nmessage_burst = 1\n"));
    let client = Client::cliente(&server);
    let (mut a, mut calm) = (client.socket(), client.socket());
    let mut b = Client::usuario(&server).socket();
    for socket in [&mut a, &mut calm, &mut b] {
        socket.join_default("sala");
    }
    assert_eq!(a.send_message("sala", "x")["type"], "sent");
    for n in 1..=120 {
        let answer = a.send_message("sala", "x");
        assert_eq!(answer["code"], "rate_limited", "{n}: {answer}");
    }
    assert_eq!(
        a.request(json!({"type": "leave", "room": "sala"}))["type"],
        "left",
        "120 are not more than 120"
    );
    a.send(&json!({"type": "send", "room": "sala", "text": "x"}));
    assert_eq!(a.close_code(), 1008);
    assert_error(&calm.send_message("sala", "x"), "rate_limited");
    assert_eq!(b.send_message("sala", "yo sigo")["type"], "sent");
}

#[test]
fn protocol_violation_closes_that_socket_only() {
    let mut stage = Stage::new();
    let unmasked = [&[FIN | TEXT, 2], b"{}".as_slice()].concat();
    stage.closes(&unmasked, 1002, "an unmasked frame");
    for opcode in [3, 7, 11, 15] {
        stage.closes(&frame(FIN | opcode, b"x"), 1002, "a reserved opcode");
    }
    for reserved in [0x40, 0x20, 0x10] {
        stage.closes(&frame(FIN | reserved | TEXT, b"{}"), 1002, "a reserved bit");
    }
    stage.closes(&frame(PING, b"x"), 1002, "a ping in pieces");
    stage.closes(&frame(FIN | PING, &[b'x'; 126]), 1002, "a ping over 125 bytes");
    stage.closes(&frame(FIN, b"x"), 1002, "a continuation of nothing");
    stage.closes(&[frame(TEXT, b"{"), frame(FIN | TEXT, b"}")].concat(), 1002, "a text inside a text");
    stage.closes(&frame(FIN | CLOSE, &[3]), 1002, "a close code of one byte");
    stage.closes(&frame(FIN | CLOSE, &1005_u16.to_be_bytes()), 1002, "a close code that may not be sent");
    stage.closes(&frame(FIN | BINARY, b"{}"), 1003, "a binary frame");
    stage.closes(&frame(FIN | TEXT, b"{\"\xff\"}"), 1007, "bad UTF-8");
    stage.closes(&frame(FIN | TEXT, b"\xed\xa0\x80"), 1007, "a surrogate in UTF-8");
    stage.closes(&[frame(TEXT, b"\"\xc3"), frame(FIN, b"\"")].concat(), 1007, "bad UTF-8 over a boundary");
    stage.closes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002, "no frame at all");
}

#[test]
fn frame_has_16_kib_at_most() {
    let mut stage = Stage::new();
    let mut whole = stage.client.socket();
    whole.send_text(&padded(16 * 1024));
    assert_error(&whole.recv(), "not_member");
    stage.closes(&frame(FIN | TEXT, padded(17 * 1024).as_bytes()), 1009, "a frame of 17 KiB");
    let pieces: Vec<u8> =
        (0..9).flat_map(|n| frame(if n == 0 { TEXT } else { 0 }, padded(2 * 1024).as_bytes())).collect();
    stage.closes(&pieces, 1009, "17 KiB in pieces, and no end of it");
    // The server neither waits nor reserves memory for an announced length.
    for announced in [17 * 1024_u64, 1 << 30, 1 << 62, u64::MAX] {
        let head = [&[FIN | TEXT, 0xff], announced.to_be_bytes().as_slice(), &[0; 4]].concat();
        let mut socket = stage.client.socket();
        let _ = socket.stream.write_all(&head);
        let code = socket.close_code();
        assert!([1009, 1002].contains(&code), "{announced} bytes: {code}");
        stage.goes_on("a head that lies");
    }
}

#[test]
fn longer_texts_raise_the_frame_limit() {
    let server = Server::start(Options::config("[limits]\nmessage_chars = 4000\n"));
    let mut a = Client::cliente(&server).socket();
    a.join_default("sala");
    let escaped = r"\ud83e\udd80".repeat(4000);
    a.send_text(&format!(r#"{{"type":"send","room":"sala","text":"{escaped}"}}"#));
    assert_eq!(a.recv_type("message")["text"], "🦀".repeat(4000));
    let _ = a.stream.write_all(&frame(FIN | TEXT, padded(12 * 4000 + 1025).as_bytes()));
    assert_eq!(a.close_code(), 1009);
}

#[test]
fn fragments_join_and_pings_between_are_answered() {
    let server = Server::demo();
    let mut socket = Client::cliente(&server).socket();
    socket.welcome();
    let mut stream = socket.stream.try_clone().expect("clones");
    let text = r#"{"type":"leave","ref":"ñ🦀","room":"ajena"}"#.as_bytes();
    let answered = |stream: &mut TcpStream| {
        let (first, payload) = read_frame(stream);
        let answer: Value = serde_json::from_slice(&payload).expect("JSON");
        assert_eq!(
            (first, &answer["ref"], &answer["code"]),
            (FIN | TEXT, &json!("ñ🦀"), &json!("not_member"))
        );
    };
    // Split after each byte, also within characters, with a ping at each split.
    let last = text.len() - 1;
    for (n, byte) in text.iter().enumerate() {
        let first = if n == 0 { TEXT } else { 0 } | if n == last { FIN } else { 0 };
        stream.write_all(&frame(first, &[*byte])).expect("writes");
        if n != last {
            let sent = format!("ping {n}");
            stream.write_all(&frame(FIN | PING, sent.as_bytes())).expect("writes");
            assert_eq!(read_frame(&mut stream), (FIN | PONG, sent.into_bytes()));
        }
    }
    answered(&mut stream);
    // Empty fragments and an unsolicited pong.
    let odd =
        [frame(TEXT, b""), frame(0, text), frame(FIN | PONG, b"?"), frame(0, b""), frame(FIN, b"")].concat();
    stream.write_all(&odd).expect("writes");
    answered(&mut stream);
    // Byte by byte, and two in one packet.
    for byte in frame(FIN | TEXT, text) {
        stream.write_all(&[byte]).expect("writes");
    }
    answered(&mut stream);
    stream
        .write_all(
            &[frame(FIN | TEXT, text), frame(FIN | PING, &[b'p'; 125]), frame(FIN | TEXT, text)].concat(),
        )
        .expect("writes");
    let mut frames = [read_frame(&mut stream), read_frame(&mut stream), read_frame(&mut stream)];
    frames.sort_by_key(|(first, _)| *first);
    assert_eq!(frames.each_ref().map(|(first, _)| *first), [FIN | TEXT, FIN | TEXT, FIN | PONG]);
    assert_eq!(frames[2].1, [b'p'; 125]);
}

#[test]
fn session_has_sixteen_sockets() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let mut sockets: Vec<Socket> = (0..16).map(|_| client.socket()).collect();
    let answers = |socket: &mut Socket| {
        socket.request(json!({"type": "leave", "room": "ajena"}))["code"] == "not_member"
    };
    // All have just sent something, so that none counts as dead on a slow machine.
    let refused = |sockets: &mut [Socket]| {
        assert!(sockets.iter_mut().all(answers), "the sixteen go on");
        client.socket().close_code()
    };
    assert_eq!(refused(&mut sockets), 4008, "accepted, then told why");
    server.wait_for_line(
        r#"event=socket.refused result=refused user="cliente" addr=127.0.0.1 reason=too_many_sockets"#,
    );
    assert!(answers(&mut Client::cliente(&server).socket()), "another session of the same person");
    assert!(answers(&mut Client::usuario(&server).socket()));
    sockets.pop().expect("sixteen").close();
    let mut last = client.socket();
    assert!(answers(&mut last), "the place comes back");
}

#[test]
fn malformed_handshake_is_refused_with_a_reason() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let mut stream = client.connect();
        stream.write_all(format!("{}\r\n", client.head(method, "/ws", headers)).as_bytes()).expect("writes");
        read_response(&mut stream, false).expect("an answer")
    };
    let (upgrade, connection) = (("Upgrade", "websocket"), ("Connection", "Upgrade"));
    let (version, key) = (("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="));
    for old in
        [vec![upgrade, connection, key], vec![upgrade, connection, key, ("Sec-WebSocket-Version", "8")]]
    {
        let answer = ask("GET", &old);
        let told = (answer.status, answer.header("sec-websocket-version"));
        assert_eq!(told, (426, Some("13")), "{}", answer.text());
    }
    for half in
        [vec![("Connection", "close")], vec![upgrade, connection, version], vec![connection, version, key]]
    {
        let answer = ask("GET", &half);
        assert!((400..500).contains(&answer.status), "{half:?}: {}", answer.status);
        assert!(!answer.code().is_empty());
    }
    let posted = ask("POST", &[upgrade, connection, version, key, ("Content-Length", "0")]);
    assert!((400..500).contains(&posted.status), "{}", posted.status);
    let offered =
        ask("GET", &[upgrade, connection, version, key, ("Sec-WebSocket-Extensions", "permessage-deflate")]);
    assert_eq!(
        (offered.status, offered.header("sec-websocket-extensions")),
        (101, None),
        "none is agreed on"
    );
    assert_eq!(client.handshake(&[]).0.status, 101);
}
