//! A05, security misconfiguration: headers of every kind of answer, and no internals in any.
//!
//! Elsewhere: each route's headers by role (`legacy_vulnerabilities_web::security_headers_are_there`),
//! origins that the owner allows (`tests/http_boundaries.rs`), weak settings (`tests/config_audit.rs`), the
//! demonstration stays on this machine (`tests/command_line.rs`).

use std::io::Write as _;

use super::raw_bytes::raw;
use crate::common::http::{multipart, read_response};
use crate::common::server::pichat_command;
use crate::common::{Client, Options, Response, Server};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// Returns an answer of each kind, with its status.
fn every_kind(server: &Server) -> Vec<(&'static str, u16, Response)> {
    let (client, anyone) = (Client::admin(server), Client::new(server));
    let file =
        client.upload("x.html", b"<script>alert(1)</script>").header("location").expect("a place").to_owned();
    let content = format!("{file}/content");
    let tag = client.get(&content).header("etag").expect("a tag").to_owned();
    let style = anyone.get("/static/css/base.css").header("etag").expect("a tag").to_owned();
    let (kind, large) = multipart("archivo", "x", &vec![0; 1024 * 1024 + 1]);
    let bare = |request: &str| {
        let answer = raw(server, request);
        read_response(&mut answer.as_bytes(), false).expect("an answer")
    };
    let many: String = (0..70).map(|i| format!("X-{i}: y\r\n")).collect();
    let unsupported = raw(server, "GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: \u{1}\r\n\r\n");
    let mut answers = vec![
        ("page", 200, client.get("/inicio")),
        ("api", 200, client.get("/api/session")),
        ("static", 200, anyone.get("/static/js/page.js")),
        ("icon", 200, anyone.get("/favicon.ico")),
        ("head", 200, client.send("HEAD", "/chat", &[], b"")),
        ("file", 200, client.get(&content)),
        ("file by head", 200, client.send("HEAD", &content, &[], b"")),
        ("socket", 101, client.handshake(&[]).0),
        ("created", 201, client.upload("y", b"y")),
        ("part", 206, client.send("GET", &content, &[("Range", "bytes=0-1")], b"")),
        ("preflight", 204, anyone.send("OPTIONS", "/api/files", &[("Origin", "http://evil.example")], b"")),
        ("redirect", 303, anyone.get("/inicio")),
        ("file not modified", 304, client.send("GET", &content, &[("If-None-Match", &tag)], b"")),
        (
            "static not modified",
            304,
            anyone.send("GET", "/static/css/base.css", &[("If-None-Match", &style)], b""),
        ),
        ("bad json", 400, anyone.send("POST", "/api/session", &[("Content-Type", "application/json")], b"{")),
        ("no head", 400, read_response(&mut unsupported.as_bytes(), false).expect("an answer")),
        ("no http", 400, bare("HOLA\r\n\r\n")),
        (
            "two framings",
            400,
            bare("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        ("too many fields", 431, bare(&format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"))),
        ("too large a head", 431, bare(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(40_000)))),
        ("unauthenticated", 401, anyone.get("/api/files")),
        ("forbidden", 403, Client::usuario(server).get("/subir")),
        ("foreign", 403, client.send("POST", "/logout", &[("Origin", "null")], b"")),
        ("no page", 404, anyone.get("/nada")),
        ("no resource", 404, anyone.get("/api/nada")),
        ("method", 405, anyone.send("PUT", "/login", &[], b"")),
        ("large", 413, client.send("POST", "/api/files", &[("Content-Type", &kind)], &large)),
        ("type", 415, anyone.send("POST", "/login", &[("Content-Type", "text/plain")], b"x")),
        ("no part", 416, client.send("GET", &content, &[("Range", "bytes=99-")], b"")),
        ("misdirected", 421, anyone.send("GET", "/", &[("Host", "evil.example")], b"")),
        ("name", 422, client.upload("....", b"x")),
        ("no socket", 426, client.get("/ws")),
    ];
    answers.push(("signed out by api", 204, Client::cliente(server).delete("/api/session")));
    answers.push(("signed out by form", 303, Client::cliente(server).post_form("/logout", "")));
    for (path, what) in [("/login", "page too often"), ("/api/health", "api too often")] {
        let hasty = Client::new(server).from(9);
        let refused = (0..100).map(|_| hasty.get(path)).find(|answer| answer.status == 429);
        answers.push((what, 429, refused.expect("a limit")));
    }
    answers
}

#[test]
fn every_answer_has_its_security_headers() {
    let server = Server::start(Options::config(
        "[files]\nmax_file_mib = 1\n[limits]\nuploads_per_minute = 1000\nupload_burst = 1000\nrequests_per_minute = 60\nrequest_burst = 90\n",
    ));
    for (what, status, answer) in every_kind(&server) {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let all = |name: &str| {
            answer
                .headers
                .iter()
                .filter(|(k, _)| k.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.as_str())
                .collect::<Vec<_>>()
        };
        let one = |name: &str| match all(name).as_slice() {
            [value] => (*value).to_owned(),
            other => panic!("{what}: {name}: {other:?}"),
        };
        let csp = one("content-security-policy");
        if ["file", "file by head", "part", "file not modified"].contains(&what) {
            assert_eq!(csp, "sandbox; default-src 'none'; frame-ancestors 'none'", "{what}");
        } else {
            assert_eq!(csp, CSP, "{what}");
        }
        assert_eq!(one("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(one("x-frame-options"), "DENY", "{what}");
        assert_eq!(one("referrer-policy"), "same-origin", "{what}");
        assert_eq!(one("cross-origin-resource-policy"), "same-origin", "{what}");
        let permissions = one("permissions-policy");
        for feature in ["camera", "microphone", "geolocation", "payment", "usb", "display-capture"] {
            assert!(permissions.split(", ").any(|p| p == format!("{feature}=()")), "{what}: {permissions}");
        }
        // Style sheets and scripts are the same for every user; all else may be personal.
        let cache = one("cache-control");
        assert_eq!(
            cache,
            if what.starts_with("static") || what == "icon" { "no-cache" } else { "no-store" },
            "{what}"
        );
        for revealing in ["server", "x-powered-by", "via", "x-aspnet-version", "x-runtime"] {
            assert!(all(revealing).is_empty(), "{what}: {revealing}");
        }
        assert!(
            !answer.headers.iter().any(|(k, _)| k.to_ascii_lowercase().starts_with("access-control-")),
            "{what}"
        );
        let out = if what.starts_with("signed out") { vec!["\"cache\", \"storage\""] } else { vec![] };
        assert_eq!(all("clear-site-data"), out, "{what}");
        if what.starts_with("signed out") {
            let cookie = one("set-cookie");
            assert!(
                cookie.starts_with(&format!("{}=;", server.cookie_name()))
                    && cookie.contains("Max-Age=0")
                    && cookie.contains("HttpOnly"),
                "{cookie}"
            );
        }
        let typed = all("content-type");
        assert!(typed.len() == 1 || answer.body.is_empty(), "{what}: {typed:?}");
    }
}

#[test]
fn no_policy_has_a_hole() {
    let server = Server::demo();
    let csp =
        Client::new(&server).get("/login").header("content-security-policy").expect("a policy").to_owned();
    assert!(
        !csp.contains("unsafe") && !csp.contains('*') && !csp.contains("http:") && !csp.contains("https:"),
        "{csp}"
    );
    for directive in [
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        "default-src 'none'",
    ] {
        assert!(csp.split("; ").any(|d| d == directive), "{directive}: {csp}");
    }
    let data: Vec<_> = csp.split("; ").filter(|d| d.contains("data:")).collect();
    assert_eq!(data, ["img-src 'self' data:"], "data: is for pictures only");
}

#[test]
fn cors_never_allows_any_origin() {
    let allowed = "https://intranet.example";
    let server = Server::start(Options::config(&format!(
        "[http]\nallowed_origins = [\"{allowed}\"]\n[limits]\nrequest_burst = 10000\n"
    )));
    let client = Client::cliente(&server);
    for origin in [
        allowed,
        "HTTPS://INTRANET.EXAMPLE",
        "https://evil.example",
        "null",
        "*",
        "",
        "file://",
        "https://intranet.example.evil.example",
        "https://evilintranet.example",
    ] {
        for (method, path) in [
            ("GET", "/api/files"),
            ("OPTIONS", "/api/files"),
            ("GET", "/login"),
            ("GET", "/static/js/page.js"),
            ("GET", "/nada"),
            ("POST", "/api/session"),
            ("DELETE", "/api/files/x"),
        ] {
            let answer = client.send(
                method,
                path,
                &[("Origin", origin), ("Access-Control-Request-Method", "POST")],
                b"",
            );
            let own = origin.eq_ignore_ascii_case(allowed);
            assert_eq!(
                answer.header("access-control-allow-origin"),
                own.then_some(origin),
                "{method} {path} from {origin:?}"
            );
            assert_eq!(
                answer.header("access-control-allow-credentials"),
                own.then_some("true"),
                "{method} {path} from {origin:?}"
            );
            let varies = answer
                .headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case("vary") && value == "Origin");
            assert!(varies, "caches keep answers of origins apart: {path}");
        }
    }
    for bad in ["*", "null", "https://*.example", "https://intranet.example/"] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pichat.toml");
        std::fs::write(&file, format!("[http]\nallowed_origins = [\"{bad}\"]\n")).expect("writes");
        let check = pichat_command().arg("check").arg(&file).output().expect("runs");
        assert!(!check.status.success(), "{bad} is no origin");
    }
}

#[test]
fn errors_reveal_no_internals() {
    let server = Server::demo();
    let client = Client::admin(&server);
    let mut stream = client.connect();
    stream
        .write_all(b"GET /api/files/%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("writes");
    let odd = read_response(&mut stream, false).expect("an answer");
    let answers = [
        odd,
        client.get("/api/files/%00"),
        client.get("/nada"),
        client.post_json("/api/password", &serde_json::json!({"current": 1})),
        client.send(
            "POST",
            "/api/files",
            &[("Content-Type", "multipart/form-data; boundary=x")],
            b"--x\r\n\r\n",
        ),
        client.send("POST", "/api/session", &[("Content-Type", "application/json")], b"[[[["),
    ];
    let data_dir = server.data_dir.to_string_lossy().into_owned();
    for answer in answers {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        let text = answer.text();
        for inside in [
            ".rs",
            "src/",
            "panicked",
            "sqlite",
            "SELECT",
            "hyper",
            "serde",
            "tokio",
            "backtrace",
            "cuarentena",
            &data_dir,
        ] {
            assert!(!text.contains(inside), "{inside}: {text}");
        }
    }
    for path in [
        "/.git/config",
        "/.env",
        "/pichat.toml",
        "/pichat.db",
        "/cuarentena/",
        "/debug",
        "/metrics",
        "/server-status",
        "/console",
        "/emergency-setup",
        "/socket.io/",
        "/robots.txt.bak",
        "/admin",
    ] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}
