//! Conformance with RFC 9110 and RFC 9112 of the real binary: request lines, Host, fields, connections,
//! answers. Where the RFCs leave a choice, every allowed answer passes. Bodies are in `http_bodies.rs`,
//! request smuggling in `attack/a03_smuggling.rs`.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use common::Client;
use common::http::{Response, multipart, read_response};
use common::raw_http::{
    BODY, CLOSE, HOST, assert_statuses, exchange, fields, generous_server, line, post, statuses,
};

#[test]
fn request_line_forms() {
    assert_statuses(&[
        ("origin-form", line("GET /api/health HTTP/1.1"), &[200]),
        ("a query", line("GET /api/health?a=%zz&b HTTP/1.1"), &[200]),
        (
            "absolute-form must be taken (9112 3.2.2)",
            line("GET http://localhost/api/health HTTP/1.1"),
            &[200],
        ),
        (
            "scheme and host in any case (9110 4.2.3)",
            line("GET HTTP://LOCALHOST/api/health HTTP/1.1"),
            &[200],
        ),
        ("absolute-form goes before Host", line("GET http://evil.example/api/health HTTP/1.1"), &[400, 421]),
        ("asterisk-form (9112 3.2.4)", line("OPTIONS * HTTP/1.1"), &[200, 204, 404]),
        ("an asterisk is for OPTIONS", line("GET * HTTP/1.1"), &[400, 404]),
        (
            "authority-form, no proxy (9112 3.2.3)",
            line("CONNECT localhost:80 HTTP/1.1"),
            &[400, 404, 405, 501],
        ),
        ("authority-form is for CONNECT", line("GET localhost:80 HTTP/1.1"), &[400, 404]),
        ("no slash", line("GET api/health HTTP/1.1"), &[400, 404]),
        ("methods are case-sensitive (9110 9.1)", line("get /api/health HTTP/1.1"), &[400, 405, 501]),
        ("an unknown method", line("BREW /api/health HTTP/1.1"), &[405, 501]),
        ("TRACE reflects nothing", line("TRACE /api/health HTTP/1.1"), &[405, 501]),
        ("a long method", line(&format!("{} /api/health HTTP/1.1", "M".repeat(300))), &[400, 405, 501]),
        ("a method that is no token", line("GE(T /api/health HTTP/1.1"), &[400]),
        ("no method", line(" /api/health HTTP/1.1"), &[400]),
        ("a tab for the blank", line("GET\t/api/health HTTP/1.1"), &[400]),
        ("two blanks (9112 3)", line("GET  /api/health HTTP/1.1"), &[400]),
        ("a blank in the target (9112 3.2)", line("GET /a b HTTP/1.1"), &[400]),
        ("a blank behind the version", line("GET /api/health HTTP/1.1 "), &[400]),
        ("octets past ASCII in the target", line("GET /\u{f1} HTTP/1.1"), &[400, 404]),
        ("no target", line("GET HTTP/1.1"), &[400]),
        ("no version", line("GET /api/health"), &[400]),
        ("HTTP/0.9", "GET /api/health\r\n\r\n".to_owned(), &[400]),
        ("an empty line before it (9112 2.2)", format!("\r\n{}", line("GET /api/health HTTP/1.1")), &[200]),
        (
            "a target over the bound (9110 15.5.15)",
            line(&format!("GET /{} HTTP/1.1", "a".repeat(40_000))),
            &[400, 414, 431],
        ),
    ]);
}

#[test]
fn http_versions() {
    let mut rows = vec![
        ("1.0 without Host", "GET /api/health HTTP/1.0\r\n\r\n".to_owned(), &[200][..]),
        ("a higher minor version (9110 2.5)", line("GET /api/health HTTP/1.2"), &[200, 400, 505]),
    ];
    for version in [
        "HTTP/2.0",
        "HTTP/0.9",
        "HTTP/3.7",
        "http/1.1",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/11",
        "HTTP/1",
        "HTTP/1,1",
        "FTP/1.1",
    ] {
        rows.push((
            "a version that is none or not ours (9112 2.3)",
            line(&format!("GET /api/health {version}")),
            &[400, 505],
        ));
    }
    assert_statuses(&rows);
}

#[test]
fn host_header_forms() {
    assert_statuses(&[
        ("none (9112 3.2)", fields(""), &[400]),
        ("two", fields("Host: localhost\r\nHost: localhost\r\n"), &[400]),
        ("two that differ", fields("Host: localhost\r\nX: y\r\nHost: evil.example\r\n"), &[400]),
        ("two in one", fields("Host: localhost, localhost\r\n"), &[400, 421]),
        ("an empty one", fields("Host:\r\n"), &[400, 421]),
        ("a blank in it", fields("Host: local host\r\n"), &[400, 421]),
        ("with a user", fields("Host: a@localhost\r\n"), &[400]),
        ("with a path", fields("Host: localhost/x\r\n"), &[400]),
        ("more behind the brackets", fields("Host: [::1]evil\r\n"), &[400]),
        ("a port that is none", fields("Host: 127.0.0.1:evil\r\n"), &[400]),
        ("the highest port", fields("Host: localhost:65535\r\n"), &[200]),
        ("a port above it", fields("Host: localhost:65536\r\n"), &[400]),
        ("an address with a zone", fields("Host: [::1%eth0]\r\n"), &[400]),
        ("an escape", fields("Host: %6cocalhost\r\n"), &[400, 421]),
        ("no port behind the colon (3986 3.2.3)", fields("Host: localhost:\r\n"), &[200]),
        ("blanks around it (9112 5)", fields("Host:\t localhost \t\r\n"), &[200]),
        ("in any case", fields("hOsT: LOCALHOST\r\n"), &[200]),
        ("IPv6", fields("Host: [::1]:80\r\n"), &[200]),
    ]);
}

#[test]
fn field_line_forms() {
    let with = |line: &str| fields(&format!("{HOST}{line}\r\n"));
    assert_statuses(&[
        ("an empty value", with("X:"), &[200]),
        ("blanks around a value", with("X:\t y \t"), &[200]),
        ("octets past ASCII in a value (9110 5.5)", with("X: \u{e1}\u{ff}"), &[200]),
        ("all the characters of a token in a name", with("!#$%&'*+-.^_`|~09azAZ: y"), &[200]),
        ("a blank before the colon (9112 5.1)", with("X : y"), &[400]),
        ("the same for Host", fields("Host : localhost\r\n"), &[400]),
        ("a blank before the first name (9112 2.2)", fields(&format!(" X: y\r\n{HOST}")), &[400]),
        ("no colon", with("Xyz"), &[400]),
        ("no name", with(": y"), &[400]),
        ("a name that is no token", with("X(y): z"), &[400]),
        ("a letter past ASCII in a name", with("\u{f1}: y"), &[400]),
        ("NUL in a value (9110 5.5)", with("X: a\0b"), &[400]),
        ("a bell in a value", with("X: a\u{7}b"), &[400]),
        ("DEL in a value", with("X: a\u{7f}b"), &[400]),
        ("a carriage return in a value", with("X: a\rb"), &[400]),
    ]);
}

/// Reads one answer of a kept connection.
fn ask(stream: &mut TcpStream, method: &str, path: &str, more: &str) -> std::io::Result<Response> {
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{HOST}{more}\r\n").as_bytes())?;
    read_response(stream, method == "HEAD")
}

#[test]
fn connection_header_forms() {
    let server = generous_server();
    let mut stream = Client::new(&server).connect();
    for (method, path, status) in [
        ("GET", "/api/health", 200),
        ("HEAD", "/api/health", 200),
        ("GET", "/nada", 404),
        ("PUT", "/api/health", 405),
        ("HEAD", "/nada", 404),
    ] {
        // A body after the answer to HEAD would be read as the next answer.
        assert_eq!(
            ask(&mut stream, method, path, "").expect("the connection stays").status,
            status,
            "{method} {path}"
        );
    }
    let last = ask(&mut stream, "GET", "/api/health", "Connection: foo, CLOSE\r\n").expect("an answer");
    assert_eq!((last.status, last.header("connection")), (200, Some("close")), "9112 9.6");
    assert_eq!(stream.read(&mut [0]).expect("reads"), 0, "and it is closed");

    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n{HOST}\r\n");
    let sign_in = post(&format!("Content-Length: {}\r\n", BODY.len()), BODY).replace(CLOSE, "");
    let all =
        [get("/api/health"), sign_in, get("/nada"), line("GET /api/health HTTP/1.1"), get("/api/health")]
            .concat();
    assert_eq!(
        statuses(&exchange(&server, all.as_bytes(), false)),
        [200, 200, 404, 200],
        "in order, and none behind close"
    );

    let old = exchange(
        &server,
        b"GET /api/health HTTP/1.0\r\nHost: localhost\r\n\r\nGET /api/health HTTP/1.0\r\n\r\n",
        false,
    );
    assert_eq!(statuses(&old), [200], "1.0 ends with its answer");
}

#[test]
fn answers_have_required_headers() {
    let server = generous_server();
    let admin = Client::admin(&server);
    let (kind, body) = multipart("archivo", "a.txt", b"hola");
    let made = admin.send("POST", "/api/files", &[("Content-Type", &kind)], &body);
    assert!(
        made.status == 201 && made.header("location").is_some_and(|to| admin.get(to).status == 200),
        "9110 15.3.2"
    );
    let content = format!("{}/content", made.header("location").expect("checked"));

    for path in ["/api/health", "/login", "/inicio", "/static/css/base.css", "/nada", "/api/nada", &content] {
        let (get, head) = (admin.get(path), admin.send("HEAD", path, &[], b""));
        // An empty body needs no length.
        let told = |name: &String| name != "content-length";
        let names = |answer: &Response| {
            answer.headers.iter().map(|(name, _)| name.clone()).filter(told).collect::<Vec<_>>()
        };
        assert_eq!(
            (head.status, names(&head)),
            (get.status, names(&get)),
            "HEAD is GET without its body (9110 9.3.2): {path}"
        );
        assert!(
            get.body.is_empty() || head.header("content-length") == get.header("content-length"),
            "{path}"
        );
        assert!(
            get.header("date").is_some_and(|date| httpdate::parse_http_date(date).is_ok()),
            "9110 6.6.1: {path}"
        );
        assert_eq!(get.header("content-length").and_then(|n| n.parse().ok()), Some(get.body.len()), "{path}");
        assert!(
            (get.body.is_empty() || get.header("content-type").is_some())
                && get.header("transfer-encoding").is_none(),
            "{path}"
        );
    }
    let tag = admin.get(&content).header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "9110 8.8.3: {tag}");
    let same = admin.send("GET", &content, &[("If-None-Match", &tag)], b"");
    assert_eq!(
        (same.status, same.header("etag"), same.header("content-length")),
        (304, Some(&*tag), None),
        "9110 15.4.5"
    );
    let part = admin.send("GET", &content, &[("Range", "bytes=1-2")], b"");
    assert_eq!(
        (part.status, part.header("content-range"), &*part.body),
        (206, Some("bytes 1-2/4"), &b"ol"[..]),
        "9110 15.3.7"
    );
    let past = admin.send("GET", &content, &[("Range", "bytes=9-")], b"");
    assert_eq!((past.status, past.header("content-range")), (416, Some("bytes */4")), "9110 15.5.17");
    let wrong = admin.send("PUT", "/api/health", &[], b"");
    assert!(wrong.status == 405 && wrong.header("allow").is_some(), "9110 15.5.6");

    // Answers 204 and 304 have no body: the next answer follows the head.
    let cookie = format!("Cookie: {}\r\n", admin.cookie.as_deref().expect("signed in"));
    let mut stream = admin.connect();
    let options = ask(&mut stream, "OPTIONS", "/api/files", &cookie).expect("an answer");
    assert_eq!(
        (options.status, options.header("content-length"), options.header("transfer-encoding")),
        (204, None, None),
        "9110 8.6"
    );
    let again = format!("{cookie}If-None-Match: {tag}\r\n");
    assert_eq!(ask(&mut stream, "GET", &content, &again).expect("an answer").status, 304);
    assert_eq!(ask(&mut stream, "GET", "/api/health", "").expect("an answer").text(), r#"{"status":"ok"}"#);
    let end = ask(&mut stream, "DELETE", "/api/session", &cookie).expect("an answer");
    assert_eq!((end.status, end.header("content-length")), (204, None));
    let _ = stream.shutdown(Shutdown::Both);
}
