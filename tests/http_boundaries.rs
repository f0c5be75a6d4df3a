//! Boundaries of HTTP: names, methods, sizes, malformed requests, connections, languages, origins.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};

use common::http::{multipart, read_response};
use common::raw_http::raw;
use common::{Client, Options, Server};
use serde_json::json;

fn status_of(answer: &str) -> u16 {
    answer.get(9..12).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

#[test]
fn only_own_host_names_are_answered() {
    let server = Server::start(Options::config("[http]\nhosts = [\"chat.oficina.lan\"]"));
    let anyone = Client::new(&server);
    let ask = |host: &str, path: &str| anyone.send("GET", path, &[("Host", host)], b"");
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .expect("this machine has a name")
        .trim()
        .to_lowercase();
    let bare = machine.trim_end_matches(".local");
    for own in [
        bare,
        &format!("{bare}.local"),
        &format!("{bare}.LOCAL.:8080"),
        "localhost",
        "LOCALHOST:80",
        "127.0.0.1:8080",
        "192.168.1.7",
        "[::1]:80",
        "pichat.local",
        "PiChat.Local:8080",
        "chat.oficina.lan:1",
    ] {
        assert_eq!(ask(own, "/api/health").json(), json!({"status": "ok"}), "{own}");
    }
    for foreign in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "oficina.lan",
        "local",
        "otro.local",
        "impresora.local:8080",
        "evil.pichat.local",
        "x.localhost",
    ] {
        let refused = ask(foreign, "/api/health");
        assert_eq!((refused.status, refused.code().as_str()), (421, "misdirected"), "{foreign}");
        let own = format!(".local:{}", server.addr.port());
        assert!(refused.text().contains("por ejemplo http://") && refused.text().contains(&own), "{foreign}");
        let page = ask(foreign, "/login");
        assert!(page.status == 421 && page.is_html(), "{foreign}");
    }
    assert_eq!(Client::cliente(&server).handshake(&[("Host", "evil.example")]).0.status, 421);
    let absolute =
        raw(&server, "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status_of(&absolute), 421, "the target wins over the header");
    for request in [
        "GET /api/health HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: \r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(status_of(&raw(&server, request)), 400, "{request:?}");
    }
}

#[test]
fn unknown_methods_and_paths_are_refused() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    for (method, path, allow) in [
        ("POST", "/api/health", vec!["GET", "HEAD"]),
        ("DELETE", "/api/files", vec!["GET", "HEAD", "POST"]),
        ("PUT", "/api/session", vec!["DELETE", "GET", "HEAD", "POST"]),
        ("PATCH", "/api/files/x", vec!["DELETE", "GET", "HEAD"]),
        ("GET", "/api/password", vec!["POST"]),
    ] {
        let refused = client.send(method, path, &[], b"");
        assert_eq!((refused.status, refused.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
        let mut named: Vec<_> = refused.header("allow").expect("RFC 9110 wants it").split(", ").collect();
        named.sort_unstable();
        assert_eq!(named, allow, "{method} {path}");
    }
    let page = client.send("DELETE", "/login", &[], b"");
    assert!(page.status == 405 && page.is_html(), "a page for a page");
    for path in [
        "/nada",
        "/api",
        "/apix",
        "/login/",
        "/static/",
        "/static/nada.css",
        "/static/../Cargo.toml",
        "/static/%2e%2e/pages/chat.html",
        "//login",
    ] {
        let missing = client.get(path);
        assert_eq!(missing.status, 404, "{path}");
        assert_eq!(missing.is_html(), path != "/api", "{path}");
    }
    assert_eq!(client.get("/api/nada").code(), "not_found");
    assert_eq!(client.get("/api/health?a=b").status, 200);
    for method in ["TRACE", "CONNECT", "BREW"] {
        let status = client.send(method, "/", &[], b"").status;
        assert!(matches!(status, 400 | 404 | 405 | 501), "{method}: {status}");
    }
}

#[test]
fn bodies_of_the_wrong_type_or_size_are_refused() {
    let server = Server::demo();
    let client = Client::new(&server);
    let send = |kind: &str, body: &[u8]| client.send("POST", "/api/session", &[("Content-Type", kind)], body);
    let sized = |size: usize| {
        let shell = json!({"username": "x", "password": ""}).to_string().len();
        json!({"username": "x", "password": "p".repeat(size - shell)}).to_string()
    };
    assert_eq!(send("application/json", sized(64 * 1024).as_bytes()).status, 401, "64 KiB are allowed");
    let large = sized(64 * 1024 + 1);
    let refused = send("application/json", large.as_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"));
    let chunked = format!(
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    let mut stream = client.connect();
    let _ = stream.write_all(chunked.as_bytes());
    assert_eq!(read_response(&mut stream, false).expect("an answer").code(), "too_large");
    let form = format!("usuario=x&clave={}", "p".repeat(64 * 1024));
    assert_eq!(client.post_form("/login", &form).status, 413);
    for bad in [
        "",
        "{",
        "[]",
        "[\"cliente\",\"cliente123\"]",
        " [\"x\",\"secreto\",false]",
        "null",
        "{\"username\":\"x\"}",
        "{\"username\":1,\"password\":\"secreto\"}",
        "{\"username\":\"x\",\"password\":\"secreto\",}",
    ] {
        let refused = send("application/json", bad.as_bytes());
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{bad}");
        assert!(
            !refused.text().contains("secreto"),
            "an error does not quote a password: {}",
            refused.text()
        );
    }
    assert_eq!(send("application/json", b"\xff\xfe").code(), "bad_request");
    assert_eq!(send("application/json; charset=utf-8", br#"{"username":"x","password":"y"}"#).status, 401);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let refused = send(kind, br#"{"username":"cliente","password":"cliente123"}"#);
        assert_eq!((refused.status, refused.code().as_str()), (415, "unsupported_media_type"), "{kind}");
    }
    let page = client.send("POST", "/login", &[("Content-Type", "application/json")], b"{}");
    assert!(page.status == 415 && page.is_html());
}

#[test]
fn request_head_has_bounds() {
    let server = Server::demo();
    let with_fields = |n: usize| {
        let fields: String = (0..n - 2).map(|i| format!("X-{i}: y\r\n")).collect();
        format!("GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")
    };
    let with_bytes = |n: usize| {
        let shell = "GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: \r\n\r\n".len();
        format!(
            "GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {}\r\n\r\n",
            "y".repeat(n - shell)
        )
    };
    assert_eq!(status_of(&raw(&server, with_fields(64))), 200);
    assert_eq!(status_of(&raw(&server, with_fields(65))), 431);
    assert_eq!(status_of(&raw(&server, with_bytes(31 * 1024))), 200);
    assert_eq!(status_of(&raw(&server, with_bytes(200 * 1024))), 431);
    assert_eq!(status_of(&raw(&server, with_bytes(33 * 1024))), 431);
}

#[test]
fn malformed_http_is_answered_400_and_closed() {
    let server = Server::demo();
    for bad in [
        "HOLA\r\n\r\n",
        "GET /api/health\r\nHost: localhost\r\n\r\n",
        "GET  /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n folded\r\n\r\n",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}{}",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\n{}{}",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n{}",
        "GET /api/health HTTP/3.7\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\x03\x03 a TLS client\r\n\r\n",
    ] {
        let answer = raw(&server, bad);
        assert!(matches!(status_of(&answer), 400 | 505), "{bad:?}: {answer}");
    }
}

#[test]
fn length_beside_chunks_smuggles_nothing() {
    let server = Server::demo();
    let smuggled = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let both = |te: &str| {
        let length = smuggled.len() + 5;
        format!(
            "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nTransfer-Encoding: {te}\r\n\r\n0\r\n\r\n{smuggled}"
        )
    };
    // RFC 9112 section 6.1 allows reading it by its chunks; this server refuses it.
    for te in ["chunked", "Chunked", "identity", "x, chunked"] {
        let answer = raw(&server, both(te)).to_ascii_lowercase();
        assert_eq!(status_of(&answer), 400, "{te}: {answer}");
        assert_eq!(
            answer.matches("http/1.1 ").count(),
            1,
            "{te}: the rest is not read as a request: {answer}"
        );
        assert!(answer.contains("connection: close\r\n"), "{te}: {answer}");
    }
}

#[test]
fn keep_alive_pipelining_and_http_1_0_work() {
    let server = Server::demo();
    let client = Client::new(&server);
    let mut stream = client.connect();
    for path in ["/api/health", "/login", "/nada", "/api/session", "/api/health"] {
        let answer = client.get_on(&mut stream, path).expect("the connection stays");
        assert_eq!(answer.status, client.get(path).status, "{path}");
    }
    let get = |path: &str, connection: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")
    };
    let post = "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let pipeline = [
        get("/api/health", "keep-alive").as_str(),
        post,
        &get("/nada", "keep-alive"),
        &get("/login", "close"),
    ]
    .concat();
    let answers = raw(&server, pipeline + &get("/api/health", "close"));
    let statuses: Vec<_> =
        answers.match_indices("HTTP/1.1 ").map(|(at, _)| status_of(&answers[at..])).collect();
    assert_eq!(statuses, [200, 400, 404, 200], "in order, and none after close");

    let old = raw(&server, "GET /api/health HTTP/1.0\r\n\r\n");
    assert!(status_of(&old) == 200 && old.ends_with("{\"status\":\"ok\"}"), "{old}");
    assert_eq!(status_of(&raw(&server, "GET /api/health HTTP/1.0\r\nHost: evil.example\r\n\r\n")), 421);

    let mut patient = client.connect();
    let admin = Client::admin(&server);
    let (kind, body) = multipart("archivo", "a.txt", b"a");
    let length = body.len().to_string();
    let head = admin.head(
        "POST",
        "/api/files",
        &[("Content-Type", &kind), ("Content-Length", &length), ("Expect", "100-continue")],
    );
    patient.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let mut interim = [0; 25];
    patient.read_exact(&mut interim).expect("the server says go on");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    patient.write_all(&body).expect("writes");
    assert_eq!(read_response(&mut patient, false).expect("an answer").status, 201);
}

#[test]
fn errors_follow_accept_language() {
    let server = Server::demo();
    let detail = |language: &str| {
        let answer = Client::new(&server).with("Accept-Language", language).get("/api/session");
        assert_eq!(answer.code(), "unauthenticated", "the code is stable");
        answer.json()["detail"].as_str().expect("text").to_owned()
    };
    let (spanish, english) = (detail("es"), detail("en"));
    assert!(spanish.contains("Inicia sesión") && english.contains("Sign in"), "{spanish} {english}");
    for (language, want) in [
        ("es-CL,es;q=0.9,en;q=0.8", &spanish),
        ("en-GB,en;q=0.9,es;q=0.5", &english),
        ("es;q=0.3, en;q=0.7", &english),
        ("en;q=0, es", &spanish),
        ("fr", &spanish),
        ("", &spanish),
        (";;q=x,,", &spanish),
    ] {
        assert_eq!(&detail(language), want, "{language:?}");
    }
    let problem = Client::new(&server).get("/api/session").json();
    let mut keys: Vec<_> = problem.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "detail", "status", "title", "type"]);
}

#[test]
fn other_origins_are_allowed_only_by_name() {
    let ok = "http://intranet.example";
    let server = Server::start(Options::config(&format!("[http]\nallowed_origins = [\"{ok}\"]")));
    let client = Client::cliente(&server);
    let with = |method: &str, path: &str, origin: &str| {
        let ask =
            [("Origin", origin), ("Sec-Fetch-Site", "cross-site"), ("Access-Control-Request-Method", "POST")];
        client.send(method, path, &ask, b"")
    };
    let answer = with("GET", "/api/files", ok);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(ok)));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert!(
        answer
            .headers
            .iter()
            .any(|(k, v)| k.eq_ignore_ascii_case("vary") && v.to_ascii_lowercase().contains("origin"))
    );
    let preflight = with("OPTIONS", "/api/files", ok);
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some(ok)));
    assert!(preflight.header("access-control-allow-methods").is_some_and(|m| m.contains("POST")));
    assert!(
        preflight
            .header("access-control-allow-headers")
            .is_some_and(|h| h.to_ascii_lowercase().contains("content-type"))
    );
    assert_eq!(with("POST", "/api/files", ok).status, 415, "let in, and then judged as any");
    assert_eq!(client.handshake(&[("Origin", ok)]).0.status, 101);
    for foreign in [
        "http://evil.example",
        "https://intranet.example",
        "http://intranet.example:81",
        "http://x.intranet.example",
        "null",
    ] {
        for method in ["GET", "OPTIONS", "POST"] {
            let refused = with(method, "/api/files", foreign);
            let cors =
                refused.headers.iter().find(|(k, _)| k.to_ascii_lowercase().starts_with("access-control-"));
            assert_eq!(cors, None, "{method} from {foreign}");
            assert!(method != "POST" || refused.code() == "cross_origin", "{foreign}");
        }
    }
    let answer = Client::new(&Server::demo()).send("OPTIONS", "/api/files", &[("Origin", ok)], b"");
    assert_eq!(answer.header("access-control-allow-origin"), None, "no origin by default");
}
