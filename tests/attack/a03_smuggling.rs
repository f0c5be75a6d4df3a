//! Request smuggling: ambiguous framing is refused, and nothing after it is read.
//!
//! Elsewhere: heads that are no HTTP and bounds of heads (`tests/http_boundaries.rs`,
//! `http/io/request_guard_tests.rs`).

use std::io::{Read as _, Write as _};

use super::raw_bytes::{GENEROUS, raw, statuses};
use crate::common::http::read_response;
use crate::common::{Client, Options, Server};

/// Request that the attacker smuggles; its answer would be a second one.
const SMUGGLED: &str = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn body_with_two_lengths_is_refused() {
    let server = Server::start(Options::config(GENEROUS));
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "transfer-encoding: CHUNKED\r\ncontent-length: 0",
        "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: 5;q=1",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: \u{ff15}",
        "Content-Length: 18446744073709551616",
        "Content-Length: 18446744073709551615",
        "Content-Length:",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        " Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "\u{0}Transfer-Encoding: chunked",
        "Content_Length: 5\r\nContent-Length: +5",
    ] {
        let request =
            format!("POST /login HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n0\r\n\r\n{SMUGGLED}");
        let answers = raw(&server, &request);
        let seen = statuses(&answers);
        assert_eq!(seen, [400], "{framing:?}: {answers}");
    }
    let old = format!(
        "POST /login HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    );
    assert_eq!(statuses(&raw(&server, old)), [400]);
}

#[test]
fn bare_line_feeds_close_the_connection() {
    let server = Server::start(Options::config(GENEROUS));
    for request in [
        "GET /api/health HTTP/1.1\nHost: localhost\n\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: a\r\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\n X: a\r\n\r\n",
        "GET\t/api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/health\u{b}HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\nGET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        assert_eq!(statuses(&raw(&server, format!("{request}{SMUGGLED}"))), [400], "{request:?}");
    }
}

#[test]
fn pipelined_bad_request_is_refused_after_the_answer() {
    let server = Server::start(Options::config(GENEROUS));
    let bad = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    );
    let body = "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for (before, status) in
        [(SMUGGLED, 200), (body, 400), ("GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n", 303)]
    {
        let answers = raw(&server, format!("{before}{bad}"));
        assert_eq!(statuses(&answers), [status, 400], "{answers}");
    }
    // For every division of the bytes.
    let all = format!("{SMUGGLED}{body}{SMUGGLED}{bad}");
    for size in [1, 3, 50] {
        let mut stream = Client::new(&server).connect();
        let _ = stream.set_nodelay(true);
        for piece in all.as_bytes().chunks(size) {
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let mut answers = String::new();
        let _ = stream.read_to_string(&mut answers);
        assert_eq!(statuses(&answers), [200, 400, 200, 400], "{size}");
    }
}

#[test]
fn refused_body_is_not_read_as_a_request() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let smuggled = SMUGGLED.repeat(3);
    let length = smuggled.len();
    // A route without a body, an unknown method, a foreign host, a page that needs a session, another type.
    for head in [
        "GET /api/health HTTP/1.1\r\nHost: localhost",
        "POST /api/health HTTP/1.1\r\nHost: localhost",
        "PUT /nada HTTP/1.1\r\nHost: localhost",
        "POST /login HTTP/1.1\r\nHost: evil.example",
        "POST /api/files HTTP/1.1\r\nHost: localhost",
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain",
        "POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example",
        "OPTIONS /login HTTP/1.1\r\nHost: localhost",
    ] {
        let answers = raw(
            &server,
            format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{smuggled}"),
        );
        assert_eq!(statuses(&answers).len(), 1, "{head}: {answers}");
        let chunked = format!(
            "{head}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{smuggled}\r\n0\r\n\r\n{SMUGGLED}"
        );
        let answers = raw(&server, &chunked);
        assert_eq!(
            statuses(&answers).len(),
            1,
            "a chunked body is the last of its connection; {head}: {answers}"
        );
        assert!(answers.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answers}");
    }
    // On a kept connection the next request is the one after the body.
    let mut stream = client.connect();
    for _ in 0..3 {
        let head = format!(
            "GET /api/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{smuggled}"
        );
        if stream.write_all(head.as_bytes()).is_err() {
            break;
        }
        match read_response(&mut stream, false) {
            Ok(answer) => assert_eq!((answer.status, answer.text().as_str()), (200, "{\"status\":\"ok\"}")),
            Err(_) => break,
        }
    }
}

#[test]
fn failed_upgrade_reads_nothing_further() {
    let server = Server::start(Options::config(GENEROUS));
    let cookie = Client::cliente(&server).cookie.expect("a cookie");
    for fields in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        "Upgrade: websocket",
        "Upgrade: TLS/1.0\r\nConnection: Upgrade",
    ] {
        for path in ["/ws", "/login", "/api/files"] {
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{fields}\r\n\r\n");
            let answers = raw(&server, format!("{head}{SMUGGLED}"));
            let seen = statuses(&answers);
            assert!(seen.len() == 1 && seen[0] != 101, "{path} {fields}: {answers}");
        }
    }
    let connect = raw(
        &server,
        format!(
            "CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n\r\n{SMUGGLED}"
        ),
    );
    assert!(
        statuses(&connect).iter().all(|s| (400..500).contains(s)) && statuses(&connect).len() <= 1,
        "{connect}"
    );
}

#[test]
fn clients_of_one_proxy_share_nothing() {
    let server = Server::start(Options::config(GENEROUS));
    let (admin, usuario) = (Client::admin(&server), Client::usuario(&server));
    let mut stream = usuario.connect();
    for (client, name) in [(&usuario, "usuario"), (&admin, "admin"), (&usuario, "usuario")] {
        stream
            .write_all(format!("{}\r\n", client.head("GET", "/api/session", &[])).as_bytes())
            .expect("writes");
        assert_eq!(read_response(&mut stream, false).expect("an answer").json()["username"], name);
    }
    stream
        .write_all(format!("{}\r\n", Client::new(&server).head("GET", "/api/session", &[])).as_bytes())
        .expect("writes");
    assert_eq!(
        read_response(&mut stream, false).expect("an answer").status,
        401,
        "a session is a request's, not a connection's"
    );
}
