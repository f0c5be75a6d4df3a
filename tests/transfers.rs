//! Uploads and downloads of real programs: early answers, preconditions, slow peers.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use common::http::{multipart, read_response};
use common::tls::Secure;
use common::{Client, Options, Response, Server};

const MIB: usize = 1024 * 1024;

/// Sends a head that announces a body; returns the first status, and true if the connection then ends.
fn announce(client: &Client, path: &str, fields: &[(&str, &str)]) -> (u16, bool) {
    let mut stream = client.connect();
    let all: Vec<_> = fields.iter().copied().chain([("Expect", "100-continue")]).collect();
    stream.write_all(format!("{}\r\n", client.head("POST", path, &all)).as_bytes()).expect("writes");
    let mut line = [0; 12];
    stream.read_exact(&mut line).expect("an answer");
    let status = String::from_utf8_lossy(&line[9..]).parse().expect("a status");
    if status == 100 {
        return (status, false);
    }
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).is_ok();
    let head = String::from_utf8_lossy(&rest).to_ascii_lowercase();
    (status, ended && head.contains("\r\nconnection: close\r\n"))
}

#[test]
fn refusal_comes_instead_of_continue() {
    let server = Server::with_free_transfers("[files]\nmax_file_mib = 4\nmax_total_mib = 2");
    let (cliente, usuario, nobody) =
        (Client::cliente(&server), Client::usuario(&server), Client::new(&server));
    let form = ("Content-Type", "multipart/form-data; boundary=x");
    let (small, full, large) =
        (("Content-Length", "100000"), ("Content-Length", "3000000"), ("Content-Length", "4294967296"));
    for (client, path, fields, status) in [
        (&nobody, "/api/files", vec![form, small], 401),
        (&usuario, "/api/files", vec![form, small], 403),
        (
            &cliente,
            "/api/files",
            vec![form, small, ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://evil.example")],
            403,
        ),
        (&cliente, "/api/nada", vec![form, small], 404),
        (&cliente, "/api/health", vec![form, small], 405),
        (&cliente, "/api/files", vec![form, large], 413),
        (&cliente, "/subir", vec![form, large], 413),
        (&nobody, "/api/session", vec![("Content-Type", "application/json"), large], 413),
        (&cliente, "/api/files", vec![("Content-Type", "application/json"), small], 415),
        (&cliente, "/api/files", vec![small], 415),
        (&cliente, "/api/files", vec![form, small, ("Host", "evil.example")], 421),
        (&cliente, "/api/files", vec![form, full], 507),
    ] {
        assert_eq!(announce(client, path, &fields), (status, true), "{path} {fields:?}");
    }
    assert_eq!(announce(&cliente, "/api/files", &[form, small]).0, 100, "a valid upload may be sent");

    let busy = Server::start(Options::config("[limits]\nuploads_per_minute = 1"));
    let cliente = Client::cliente(&busy);
    let full = (0..100).any(|_| cliente.upload("a.txt", b"a").status == 429);
    assert!(full, "there is a bound");
    assert_eq!(announce(&cliente, "/api/files", &[form, small]), (429, true));
}

#[test]
fn announced_bytes_are_reserved_until_the_upload_ends() {
    let server = Server::with_free_transfers("[files]\nmax_file_mib = 4\nmax_total_mib = 4\nuser_mib = 4");
    let client = Client::cliente(&server);
    let (kind, body) = multipart("archivo", "a.bin", &vec![b'x'; 3 * MIB]);
    let length = body.len().to_string();
    let fields: [(&str, &str); 2] = [("Content-Type", &kind), ("Content-Length", &length)];
    let head = client.head("POST", "/api/files", &[fields[0], fields[1], ("Expect", "100-continue")]);
    let mut first = client.connect();
    first.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let mut interim = [0; 25];
    first.read_exact(&mut interim).expect("the server says go on");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(announce(&client, "/api/files", &fields), (507, true), "the bytes are reserved");
    first.write_all(&body).expect("writes");
    assert_eq!(read_response(&mut first, false).expect("an answer").status, 201);
    assert_eq!(client.upload("b.bin", &vec![b'x'; MIB]).status, 201, "no more than the file is held");
    assert_eq!(client.upload("c.bin", b"x").refusal(), (507, "storage_full".to_owned()));
}

/// Client that reads no answer before it has sent all, as Firefox and simple libraries do.
#[test]
fn early_answer_reaches_client_that_sends_all_first() {
    let server = Server::with_free_transfers("[files]\nmax_file_mib = 1");
    let (cliente, nobody) = (Client::cliente(&server), Client::new(&server));
    let (kind, body) = multipart("archivo", "a.bin", &vec![b'x'; 64 * MIB]);
    for (client, path, want) in [
        (&cliente, "/api/files", 413),
        (&cliente, "/subir", 413),
        (&nobody, "/api/files", 401),
        (&nobody, "/api/nada", 404),
        (&nobody, "/api/session", 413),
        (&Client::usuario(&server), "/api/files", 403),
    ] {
        let kind = if path == "/api/session" { "application/json" } else { &kind };
        let mut stream = client.connect();
        let length = body.len().to_string();
        let head = client.head("POST", path, &[("Content-Type", kind), ("Content-Length", &length)]);
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
        stream.write_all(&body).unwrap_or_else(|error| panic!("{path}: cut off while sending: {error}"));
        let answer = read_response(&mut stream, false).expect("an answer");
        assert_eq!((answer.status, answer.header("connection")), (want, Some("close")), "{path}");
    }
    // The same with a body of unknown length.
    let mut stream = cliente.connect();
    let head =
        cliente.head("POST", "/api/files", &[("Content-Type", &kind), ("Transfer-Encoding", "chunked")]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    for chunk in body.chunks(MIB) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).expect("writes");
        stream.write_all(chunk).expect("cut off while sending");
        stream.write_all(b"\r\n").expect("writes");
    }
    stream.write_all(b"0\r\n\r\n").expect("writes");
    assert_eq!(read_response(&mut stream, false).expect("an answer").status, 413);
}

#[test]
fn early_answer_reaches_client_over_tls() {
    let secure = Secure::start(Options::default());
    let mut stream = secure.connect("pichat.local").expect("connects");
    let length = 32 * MIB;
    let head = format!(
        "POST /api/files HTTP/1.1\r\nHost: pichat.local:{}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n",
        secure.server.addr.port()
    );
    stream.write_all(head.as_bytes()).expect("writes");
    stream.conn.set_buffer_limit(None);
    let chunk = vec![b'x'; MIB];
    for _ in 0..length / MIB {
        // Writes directly to the kernel without reading answers.
        stream.conn.writer().write_all(&chunk).expect("takes it");
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut stream.sock).expect("cut off while sending");
        }
    }
    assert_eq!(read_response(&mut stream, false).expect("an answer").status, 401);
}

#[test]
fn connection_stays_after_a_body_that_came_whole() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let mut stream = client.connect();
    for _ in 0..2 {
        let head = client.head("POST", "/api/nada", &[("Content-Length", "2")]);
        stream.write_all(format!("{head}\r\n{{}}").as_bytes()).expect("writes");
        let answer = read_response(&mut stream, false).expect("the connection stays");
        assert_eq!((answer.status, answer.header("connection")), (404, None));
    }
}

#[test]
fn preconditions_of_a_download_hold() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let path = format!("{}/content", client.upload("año ñandú.txt", b"0123456789").location());
    let ask = |method: &str, fields: &[(&str, &str)]| client.send(method, &path, fields, b"");
    let whole = ask("GET", &[]);
    assert!(
        whole
            .header("content-disposition")
            .is_some_and(|v| v.starts_with("attachment; filename=\"ano nandu.txt\";"))
    );
    let (etag, date) = (whole.header("etag").expect("a tag"), whole.header("last-modified").expect("a date"));
    let (early, late) = ("Sun, 09 Sep 2001 01:46:40 GMT", "Thu, 31 Dec 2099 23:59:59 GMT");
    let weak = format!("W/{etag}");
    for (fields, status) in [
        (vec![("If-Match", etag)], 200),
        (vec![("If-Match", "*")], 200),
        (vec![("If-Match", "\"x\""), ("If-Match", etag)], 200),
        (vec![("If-Match", "\"x\"")], 412),
        (vec![("If-Match", &*weak)], 412),
        (vec![("If-Unmodified-Since", date)], 200),
        (vec![("If-Unmodified-Since", early)], 412),
        (vec![("If-Match", etag), ("If-Unmodified-Since", early)], 200),
        (vec![("If-None-Match", "*")], 304),
        (vec![("If-None-Match", "\"x\""), ("If-None-Match", &*weak)], 304),
        (vec![("If-Modified-Since", date)], 304),
        (vec![("If-Modified-Since", late)], 304),
        (vec![("If-Modified-Since", early)], 200),
        (vec![("If-None-Match", "\"x\""), ("If-Modified-Since", late)], 200),
        (vec![("If-Match", "\"x\""), ("If-None-Match", etag)], 412),
        (vec![("Range", "bytes=0-3"), ("If-Range", date)], 206),
        (vec![("Range", "bytes=0-3"), ("If-Range", early)], 200),
        (vec![("Range", "bytes=0-3"), ("If-Range", late)], 200),
        (vec![("Range", "bytes=0-3"), ("If-Range", &*weak)], 200),
        (vec![("Range", "bytes=0-3"), ("If-Match", "\"x\"")], 412),
        (vec![("Range", "bytes=99-"), ("If-Range", "\"x\"")], 200),
        (vec![("Range", "bytes=99-")], 416),
    ] {
        let answer = ask("GET", &fields);
        assert_eq!(answer.status, status, "{fields:?}");
        assert!(status != 412 || answer.code() == "precondition_failed", "{fields:?}");
        let head = ask("HEAD", &fields);
        // Ranges apply to GET only.
        let want = if matches!(status, 206 | 416) { 200 } else { status };
        assert_eq!(head.status, want, "HEAD {fields:?}");
        assert!(want != 200 || head.header("content-length") == Some("10"), "HEAD {fields:?}");
    }
}

#[test]
fn stalled_upload_ends_after_thirty_seconds() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let (kind, body) = multipart("archivo", "a.bin", &vec![b'x'; MIB]);
    let length = body.len().to_string();
    let head = client.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
    let mut stream = client.connect();
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    stream.write_all(&body[..MIB / 2]).expect("writes");
    let start = Instant::now();
    let answer = read_response(&mut stream, false).expect("an answer");
    assert_eq!(
        (answer.refusal(), answer.header("connection")),
        ((408, "request_timeout".to_owned()), Some("close"))
    );
    assert!(
        (Duration::from_secs(29)..Duration::from_secs(45)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

/// Sends a file of `size` bytes, `piece` of them each `pause`, until the server answers.
fn drip(client: &Client, size: usize, piece: usize, pause: Duration) -> (Response, Duration) {
    let (kind, body) = multipart("archivo", "lento.bin", &vec![b'x'; size]);
    let length = body.len().to_string();
    let head = client.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
    let mut stream = client.connect();
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let mut answers = stream.try_clone().expect("a handle");
    answers.set_read_timeout(Some(Duration::from_secs(120))).expect("sets");
    let start = Instant::now();
    let answer = std::thread::spawn(move || read_response(&mut answers, false).expect("an answer"));
    // Sends the form's own bytes first, so that only the file is slow.
    let (form, file) = body.split_at(body.len() - size);
    stream.write_all(form).expect("writes");
    for piece in file.chunks(piece) {
        // The answer may have arrived.
        if answer.is_finished() || stream.write_all(piece).is_err() {
            break;
        }
        std::thread::sleep(pause);
    }
    (answer.join().expect("reads"), start.elapsed())
}

#[test]
fn dripping_upload_ends_and_slow_one_goes_on() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    std::thread::scope(|scope| {
        let dripping = scope.spawn(|| drip(&client, MIB, 1, Duration::from_secs(5)));
        // A third of the rate at the edge of a Wi-Fi, for longer than the first minute.
        let slow = scope.spawn(|| drip(&client, 800 * 1024, 10 * 1024, Duration::from_secs(1)));
        let (answer, took) = dripping.join().expect("ends");
        assert_eq!(answer.refusal(), (408, "request_timeout".to_owned()), "{}", answer.text());
        assert!(
            answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("4 KiB por segundo")),
            "{}",
            answer.text()
        );
        assert!((Duration::from_secs(58)..Duration::from_secs(75)).contains(&took), "{took:?}");
        let (answer, took) = slow.join().expect("ends");
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert!(took > Duration::from_secs(75), "{took:?}");
    });
    assert_eq!(client.upload("otro.txt", b"hola").status, 201, "its place is free");
}
