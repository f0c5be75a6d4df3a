//! Denial of service by requests: bombs, floods, endless rooms. By connections: `dos_connections`.
//!
//! Elsewhere: a flood of messages (`legacy_vulnerabilities_chat`), members that do not read
//! (`tests/slow_consumer.rs`), rooms and members at their caps (`tests/rooms.rs`), bodies and heads at their
//! bounds (`tests/http_boundaries.rs`), the store's bounds (`tests/files.rs`), archives
//! (`tests/inspection.rs`), frames (`tests/bad_frames.rs`).

use std::io::{Read as _, Write as _};

use serde_json::json;

use super::raw_bytes::{GENEROUS, raw, statuses};
use crate::common::http::multipart;
use crate::common::{Client, Options, Server, here};

/// Bound on the memory that refusals may cost; acceptance would cost many times as much.
const SMALL_KIB: u64 = 24 * 1024;

/// Ten MiB of zeros by gzip, in about 10 KB: stored blocks would be as long, so these are fixed-Huffman runs
/// of length 258.
fn gzip_bomb() -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut huffman = |code: u32, length: u32| bits.extend((0..length).rev().map(|i| code >> i & 1 == 1));
    // A literal zero, then runs of 258 at distance 1, then the end of the block.
    huffman(0x30, 8);
    for _ in 0..10 * 1024 * 1024 / 258 {
        huffman(0xc5, 8);
        huffman(0, 5);
    }
    huffman(0, 7);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(
        bits.chunks(8).map(|bits| bits.iter().enumerate().map(|(i, bit)| u8::from(*bit) << i).sum::<u8>()),
    );
    // Checksum and length, which are never reached.
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn compression_bomb_is_refused_as_malformed_json() {
    let server = Server::start(Options::config(GENEROUS));
    let bomb = gzip_bomb();
    assert!(bomb.len() < 70_000, "{}", bomb.len());
    let bomb = &bomb[..60_000.min(bomb.len())];
    let client = Client::cliente(&server);
    let before = server.rss_kib("VmHWM");
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip", "x-gzip"] {
        for (path, kind) in [
            ("/api/session", "application/json"),
            ("/login", "application/x-www-form-urlencoded"),
            ("/api/password", "application/json"),
        ] {
            let headers = [("Content-Type", kind), ("Content-Encoding", encoding)];
            let status = client.send("POST", path, &headers, bomb).status;
            assert!(matches!(status, 400 | 401 | 415), "{path} {encoding}: {status}");
        }
        let (kind, body) = multipart("archivo", "a.txt", bomb);
        let headers = [("Content-Type", kind.as_str()), ("Content-Encoding", encoding)];
        let answer = client.send("POST", "/api/files", &headers, &body);
        assert!(
            answer.status == 201 && answer.json()["size"] == bomb.len() || answer.status >= 400,
            "it is what it is: {}",
            answer.text()
        );
    }
    let chunked = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{}",
        "0\r\n\r\n"
    );
    assert_eq!(statuses(&raw(&server, chunked)), [400]);
    let offered =
        client.handshake(&[("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]).0;
    assert_eq!(
        (offered.status, offered.header("sec-websocket-extensions")),
        (101, None),
        "sockets are never compressed"
    );
    let accepting = client.send("GET", "/chat", &[("Accept-Encoding", "gzip, br, zstd")], b"");
    assert_eq!(
        accepting.header("content-encoding"),
        None,
        "nothing secret is ever compressed beside what an attacker chose"
    );
    let grown = server.rss_kib("VmHWM") - before;
    assert!(grown < SMALL_KIB, "{grown} KiB");
}

#[test]
fn nested_and_repeated_json_is_refused_within_bounds() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let before = server.rss_kib("VmHWM");
    let deep = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let bodies = [
        deep("[", "]", 30_000),
        deep("{\"a\":", "}", 5_000),
        format!("{{\"username\":{},\"password\":\"x\"}}", deep("[", "]", 30_000)),
        format!("{{{}\"username\":\"x\",\"password\":\"y\"}}", "\"username\":\"x\",".repeat(3_000)),
        format!("{{\"username\":1{},\"password\":\"y\"}}", "0".repeat(60_000)),
        format!("{{\"username\":\"{}\",\"password\":\"y\"}}", "\\u0000".repeat(10_000)),
    ];
    for body in &bodies {
        let answer =
            client.send("POST", "/api/session", &[("Content-Type", "application/json")], body.as_bytes());
        assert!(matches!(answer.status, 400 | 401), "{}: {}", &body[..40], answer.status);
    }
    let mut socket = client.socket();
    for body in [
        deep("[", "]", 8_000),
        deep("{\"type\":", "}", 1_500),
        r#"{"type":"send","room":"a","text":1e999}"#.to_owned(),
        r#"{"__proto__":{"x":1},"type":"typing","room":"a"}"#.to_owned(),
    ] {
        socket.send_text(&body);
        assert_eq!(socket.recv()["code"], "bad_request", "{}", &body[..30]);
    }
    socket.join_default("sala");
    assert!(server.rss_kib("VmHWM") - before < SMALL_KIB);
    assert_eq!(client.get("/api/session").status, 200);
}

#[test]
fn creation_of_10000_rooms_stops_at_sixteen() {
    let server = Server::start(Options::config("[limits]\njoins_per_minute = 1000000\n"));
    let client = Client::cliente(&server);
    let mut socket = client.socket();
    for n in 0..16 {
        socket.join_default(&format!("sala{n}"));
    }
    let before = server.rss_kib("VmHWM");
    let mut others = client.socket();
    for n in 16..10_000 {
        let room = format!("sala{n}");
        others
            .send(&json!({"type": "join", "ref": "j", "room": room, "password": "secreta", "kind": "group"}));
        match others.try_recv() {
            Ok(refused) => assert_eq!(refused["code"], "too_many_rooms", "{refused}"),
            Err(code) => {
                assert_eq!(code, 1008, "121 refused frames in a minute");
                others = client.socket();
            }
        }
    }
    assert_eq!(socket.join("otra", "secreta", "group")["code"], "too_many_rooms");
    assert!(server.rss_kib("VmHWM") - before < SMALL_KIB);
    assert_eq!(Client::admin(&server).get("/api/rooms").json().as_array().map(Vec::len), Some(16));
    let mut other = Client::usuario(&server).socket();
    assert_eq!(
        other.join_default("sala3")["members"],
        here(&["cliente", "usuario"]),
        "no other user is kept out"
    );
}

#[test]
fn endless_joins_and_leaves_are_limited_then_closed() {
    let server = Server::demo();
    let mut socket = Client::cliente(&server).socket();
    let mut made = 0;
    for n in 0..10_000 {
        let room = format!("sala{n}");
        socket
            .send(&json!({"type": "join", "ref": "j", "room": room, "password": "secreta", "kind": "group"}));
        match socket.try_recv() {
            Ok(answer) if answer["type"] == "joined" => {
                made += 1;
                socket.send(&json!({"type": "leave", "ref": "l", "room": room}));
                let left = socket.try_recv().expect("an answer");
                assert_eq!(left["type"], "left", "{left}");
            }
            Ok(answer) => {
                assert!(answer["code"] == "rate_limited" || answer["code"] == "too_many_rooms", "{answer}");
            }
            Err(code) => {
                assert_eq!(code, 1008, "flooding");
                break;
            }
        }
    }
    assert_eq!(made, 30, "as many as the joins of a minute; each ended when its maker left");
    assert_eq!(Client::admin(&server).get("/api/rooms").json(), json!([]));
    assert!(socket.try_recv().is_err(), "it was hung up on");
}

#[test]
fn many_ranges_get_one_answer() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let data = vec![b'x'; 100_000];
    let content = format!("{}/content", client.upload("a.bin", &data).header("location").expect("a place"));
    let ranges: Vec<_> = (0..1_000).map(|n| format!("{n}-")).collect();
    for range in [
        format!("bytes={}", ranges.join(",")),
        format!("bytes=0-,{}", "5-,".repeat(1_000)),
        "bytes=0-18446744073709551616".to_owned(),
        "bytes=-18446744073709551615".to_owned(),
        "bytes=0-0,0-0,0-0".to_owned(),
    ] {
        let answer = client.send("GET", &content, &[("Range", &range)], b"");
        assert!(matches!(answer.status, 200 | 206 | 416), "{}", answer.status);
        assert!(answer.body.len() <= data.len(), "{} bytes for {} of range", answer.body.len(), range.len());
    }
}

#[test]
fn multipart_of_empty_parts_is_cheap() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let before = server.rss_kib("VmHWM");
    let part = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n\r\n");
    let bodies = [
        part("otro").repeat(100_000),
        part("archivo").repeat(100_000),
        format!("--x\r\n{}", "X: y\r\n".repeat(500_000)),
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"{}\"\r\n\r\nx\r\n--x--\r\n",
            "a".repeat(4_000_000)
        ),
        "-".repeat(4_000_000),
        "\r\n".repeat(2_000_000),
    ];
    for body in &bodies {
        let answer = client.send(
            "POST",
            "/api/files",
            &[("Content-Type", "multipart/form-data; boundary=x")],
            body.as_bytes(),
        );
        assert!(matches!(answer.status, 400 | 413 | 422), "{}: {}", answer.status, answer.text());
    }
    for boundary in ["", "\"\"", &"b".repeat(20_000)] {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let answer = client.send("POST", "/api/files", &[("Content-Type", &kind)], b"--\r\n\r\n");
        assert!(matches!(answer.status, 400 | 415), "{}", answer.status);
    }
    assert_eq!(client.get("/api/files").json(), json!([]));
    let grown = server.rss_kib("VmHWM") - before;
    assert!(grown < SMALL_KIB, "{grown} KiB");
}

#[test]
fn thousand_pipelined_requests_are_served_in_turn() {
    let server = Server::start(Options::config(GENEROUS));
    let before = server.rss_kib("VmHWM");
    let request =
        |connection| format!("GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n");
    let ahead = request("keep-alive").repeat(999) + &request("close");
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut stream = Client::new(&server).connect();
                let mut writing = stream.try_clone().expect("clones");
                let ahead = ahead.clone();
                let writer =
                    std::thread::spawn(move || writing.write_all(ahead.as_bytes()).expect("all is taken"));
                let mut answers = Vec::new();
                stream.read_to_end(&mut answers).expect("reads");
                writer.join().expect("writes");
                assert_eq!(statuses(&String::from_utf8_lossy(&answers)), [303; 1_000]);
            });
        }
    });
    assert!(server.rss_kib("VmHWM") - before < SMALL_KIB);
}
