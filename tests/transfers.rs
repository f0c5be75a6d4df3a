//! Uploads and downloads of real programs: early answers, file names, preconditions, slow peers.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use common::http::{multipart, read_response};
use common::tls::Secure;
use common::{Client, Options, Response, Server};
use serde_json::json;

const MIB: usize = 1024 * 1024;

/// Starts a server whose rates no test reaches, with further settings.
fn server(config: &str) -> Server {
    let limits = "[limits]\nuploads_per_minute = 100000\ndownloads_per_minute = 100000\n";
    Server::start(Options::config(&format!("{limits}{config}")))
}

fn place(stored: &Response) -> String {
    assert_eq!(stored.status, 201, "{}", stored.text());
    stored.header("location").expect("a place").to_owned()
}

fn refusal(answer: &Response) -> (u16, String) {
    (answer.status, answer.code())
}

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
    let server = server("[files]\nmax_file_mib = 4\nmax_total_mib = 2");
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
    assert_eq!(announce(&cliente, "/api/files", &[form, small]).0, 100, "what is in order may be sent");

    let busy = Server::start(Options::config("[limits]\nuploads_per_minute = 1"));
    let cliente = Client::cliente(&busy);
    let full = (0..100).any(|_| cliente.upload("a.txt", b"a").status == 429);
    assert!(full, "there is a bound");
    assert_eq!(announce(&cliente, "/api/files", &[form, small]), (429, true));
}

#[test]
fn announced_bytes_are_reserved_until_the_upload_ends() {
    let server = server("[files]\nmax_file_mib = 4\nmax_total_mib = 4\nuser_mib = 4");
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
    assert_eq!(refusal(&client.upload("c.bin", b"x")), (507, "storage_full".to_owned()));
}

/// Client that reads no answer before it has sent all, as Firefox and simple libraries do.
#[test]
fn early_answer_reaches_client_that_sends_all_first() {
    let server = server("[files]\nmax_file_mib = 1");
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

/// Uploads with these parameters of the field and further header lines of the part.
fn upload(client: &Client, parameters: &[u8], lines: &str) -> Response {
    let head = [
        b"--x\r\nContent-Disposition: form-data; name=\"archivo\"; ",
        parameters,
        b"\r\n",
        lines.as_bytes(),
        b"\r\n",
    ]
    .concat();
    let body = [&head[..], b"hola\r\n--x--\r\n"].concat();
    client.send("POST", "/api/files", &[("Content-Type", "multipart/form-data; boundary=x")], &body)
}

#[test]
fn file_names_are_read_as_programs_send_them() {
    let server = server("");
    let client = Client::cliente(&server);
    for (parameters, want) in [
        (&b"filename*=UTF-8''a%C3%B1o%201.txt"[..], "año 1.txt"),
        (b"filename*=utf-8'es'a%c3%b1o%202.txt; filename=\"no.txt\"", "año 2.txt"),
        (b"filename=\"no.txt\"; FileName*=UTF-8''a%C3%B1o%203.txt", "año 3.txt"),
        (b"filename=\"=?utf-8?B?YcOxbyA0LnR4dA==?=\"", "año 4.txt"),
        (b"filename=\"=?UTF-8?Q?a=C3=B1o_5.txt?=\"", "año 5.txt"),
        (b"filename=\"a%C3%B1o%206.txt\"", "año 6.txt"),
        (b"FILENAME=\"a\xf1o 7.txt\"", "año 7.txt"),
        (b"filename=\"di %22hola%22%0D%0A.txt\"", "di _hola_.txt"),
        (b"filename=\"di \\\"hola\\\" 2.txt\"", "di _hola_ 2.txt"),
        (b"filename=\"C:\\fotos\\x.txt\"", "x.txt"),
        (b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        (b"filename=\"100%25.txt\"", "100%25.txt"),
        (b"filename=\"5%.txt\"", "5%.txt"),
    ] {
        let stored = upload(&client, parameters, "");
        assert_eq!(stored.status, 201, "{}: {}", String::from_utf8_lossy(parameters), stored.text());
        assert_eq!(stored.json()["name"], want, "{}", String::from_utf8_lossy(parameters));
    }
    for unreadable in [
        &b"filename*=UTF-8''a%FF.txt"[..],
        b"filename*=shift_jis''a.txt",
        b"filename=\"=?utf-8?B?*?=\"",
        b"filename=\"a\x81\xff.txt\"",
        b"filename=\"\"",
    ] {
        let refused = upload(&client, unreadable, "");
        assert_eq!(
            refusal(&refused),
            (422, "bad_name".to_owned()),
            "{}",
            String::from_utf8_lossy(unreadable)
        );
    }
}

#[test]
fn folded_head_of_a_part_is_refused_with_the_reason() {
    let server = server("");
    let client = Client::cliente(&server);
    for folded in [
        &b"filename=\"a.txt\";\r\n size=4"[..],
        b"\r\n\tfilename=\"a.txt\"",
        b"filename=\"mes de\r\n enero.txt\"",
    ] {
        let refused = upload(&client, folded, "");
        let shown = String::from_utf8_lossy(folded);
        assert_eq!(refusal(&refused), (422, "bad_name".to_owned()), "{shown}");
        assert!(refused.text().contains("en una sola línea"), "{shown}: {}", refused.text());
        let english = upload(&client.clone().with("Accept-Language", "en"), folded, "");
        assert!(english.text().contains("not folded"), "{shown}: {}", english.text());
    }
    // Also in a field beside the file.
    let body = "--x\r\nContent-Disposition: form-data;\r\n name=\"nota\"\r\n\r\nhola\r\n--x--\r\n";
    let refused = client.send(
        "POST",
        "/api/files",
        &[("Content-Type", "multipart/form-data; boundary=x")],
        body.as_bytes(),
    );
    assert_eq!(refusal(&refused), (422, "bad_name".to_owned()));
    assert_eq!(client.get("/api/files").json(), json!([]), "nothing is stored");
}

#[test]
fn transfer_encoding_of_a_part_is_refused_unless_plain() {
    let server = server("");
    let client = Client::cliente(&server);
    for plain in ["binary", "8BIT", "7bit"] {
        let stored =
            upload(&client, b"filename=\"a.txt\"", &format!("Content-Transfer-Encoding: {plain}\r\n"));
        assert_eq!(stored.status, 201, "{plain}: {}", stored.text());
    }
    for encoded in ["base64", "quoted-printable", "x-uuencode"] {
        let refused =
            upload(&client, b"filename=\"a.txt\"", &format!("content-transfer-encoding: {encoded}\r\n"));
        assert_eq!(refusal(&refused), (415, "unsupported_media_type".to_owned()), "{encoded}");
        assert!(
            refused.json()["detail"].as_str().is_some_and(|text| text.contains("Content-Transfer-Encoding"))
        );
    }
}

#[test]
fn small_fields_beside_the_file_are_ignored() {
    let server = server("");
    let client = Client::cliente(&server);
    let field = |name: &str, size: usize| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n", "n".repeat(size))
    };
    let file = "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"a.txt\"\r\n\r\nhola\r\n";
    let send = |body: String| {
        client.send(
            "POST",
            "/api/files",
            &[("Content-Type", "multipart/form-data; boundary=x")],
            (body + "--x--\r\n").as_bytes(),
        )
    };
    let stored =
        send([field("nota", 30_000), field("otra", 0), file.to_owned(), field("enviar", 30_000)].concat());
    assert_eq!((stored.status, stored.json()["size"].clone()), (201, json!(4)), "{}", stored.text());
    for (what, body) in [
        ("more than 64 KiB in all", [field("a", 40_000), file.to_owned(), field("b", 40_000)].concat()),
        ("more than sixteen", field("a", 1).repeat(17) + file),
        ("a second file", [file, &field("a", 1), file].concat()),
        ("no file", field("a", 1)),
    ] {
        assert_eq!(refusal(&send(body)), (400, "bad_request".to_owned()), "{what}");
    }
}

#[test]
fn preconditions_of_a_download_hold() {
    let server = server("");
    let client = Client::cliente(&server);
    let path = format!("{}/content", place(&client.upload("año ñandú.txt", b"0123456789")));
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
    let server = server("");
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
        (refusal(&answer), answer.header("connection")),
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
    let server = server("");
    let client = Client::cliente(&server);
    std::thread::scope(|scope| {
        let dripping = scope.spawn(|| drip(&client, MIB, 1, Duration::from_secs(5)));
        // A third of the rate at the edge of a Wi-Fi, for longer than the first minute.
        let slow = scope.spawn(|| drip(&client, 800 * 1024, 10 * 1024, Duration::from_secs(1)));
        let (answer, took) = dripping.join().expect("ends");
        assert_eq!(refusal(&answer), (408, "request_timeout".to_owned()), "{}", answer.text());
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
