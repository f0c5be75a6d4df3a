//! Faults of the Python program that PiChat replaces, over HTTP; each test is named after the present
//! behaviour. The `pub` ones are among the seventeen of [`super::legacy_vulnerabilities`], which calls them.

use std::time::Instant;

use crate::common::http::multipart;
use crate::common::server::pichat_command;
use crate::common::{Client, Options, Response, Server, TRUSTING};
use serde_json::json;

const MIB: usize = 1024 * 1024;

pub(crate) fn logout_ends_the_session() {
    let server = Server::demo();
    let by_form = Client::cliente(&server);
    assert_eq!(by_form.post_form("/logout", "").status, 303);
    let by_api = Client::cliente(&server);
    assert_eq!(by_api.delete("/api/session").status, 204);
    for old in [by_form, by_api] {
        let led = old.get("/inicio");
        assert_eq!((led.status, led.header("location")), (303, Some("/login?volver=/inicio")));
        assert_eq!((old.get("/api/files").status, old.handshake(&[]).0.status), (401, 401));
    }
}

pub(crate) fn login_limit_counts_failures_only() {
    let server = Server::start(Options::config(&format!(
        "{TRUSTING}[limits]\nlogins_per_minute = 4\nlogin_failures = 1000"
    )));
    // A success returns its token, so that more succeed than the limit.
    for _ in 0..8 {
        Client::cliente(&server);
    }
    // Unknown names count too. Tokens refill meanwhile, so the number of refusals is approximate.
    let mut wrong = (0..30).map(|i| Client::new(&server).sign_in(&format!("nadie{i}"), "nada"));
    let refused = wrong.position(|answer| {
        if answer.status == 429 {
            assert_eq!(answer.code(), "rate_limited");
            let wait: u64 = answer.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
            assert!((1..=60).contains(&wait), "{wait}");
            assert_eq!(answer.json()["retry_after"], wait);
        }
        answer.status == 429
    });
    assert!(refused.is_some_and(|n| n >= 4), "refused after {refused:?}");
    assert_eq!(
        Client::new(&server).behind(2).sign_in("cliente", "cliente123").status,
        200,
        "another address is not concerned"
    );
}

pub(crate) fn stranger_cannot_lock_a_user_out() {
    let server = Server::start(Options::config(TRUSTING));
    let mut stranger = Client::new(&server).behind(2);
    for _ in 0..5 {
        assert_eq!(stranger.sign_in("cliente", "adivino").code(), "invalid_credentials");
    }
    let locked = stranger.sign_in("cliente", "cliente123");
    assert_eq!((locked.status, locked.code().as_str()), (429, "locked_out"));
    let wait: u64 = locked.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((840..=900).contains(&wait), "15 minutes: {wait}");
    assert_eq!(stranger.sign_in("CLIENTE", "cliente123").code(), "locked_out", "in any case of letters");
    assert_eq!(stranger.sign_in("usuario", "usuario123").status, 200, "the lock is of the pair");
    assert_eq!(Client::new(&server).sign_in("cliente", "cliente123").status, 200);
}

/// Returns the median seconds of a failed sign-in for a known and an unknown name, with interleaved samples.
fn medians(server: &Server, samples: usize) -> (f64, f64) {
    let time = |name: &str| {
        let begin = Instant::now();
        assert_eq!(Client::new(server).sign_in(name, "no es esta").status, 401);
        begin.elapsed().as_secs_f64()
    };
    let (mut known, mut unknown): (Vec<_>, Vec<_>) =
        (0..samples).map(|_| (time("cliente"), time("clienta"))).unzip();
    known.sort_by(f64::total_cmp);
    unknown.sort_by(f64::total_cmp);
    (known[samples / 2], unknown[samples / 2])
}

pub(crate) fn timing_reveals_no_user_names() {
    // Fewer than 50 failures in a row for one name; from then on answers are delayed on purpose.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let server =
            Server::start(Options::config("[limits]\nlogins_per_minute = 10000\nlogin_failures = 10000"));
        medians(&server, 3);
        let (known, unknown) = medians(&server, 21);
        seen.push((known, unknown));
        if (0.8..=1.25).contains(&(unknown / known)) {
            return;
        }
    }
    panic!("known and unknown, in seconds: {seen:?}");
}

pub(crate) fn get_changes_nothing() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    let location = admin.upload("x", b"x").header("location").expect("a place").to_owned();
    let id = location.rsplit('/').next().expect("an id").to_owned();
    for (path, status) in [
        ("/logout".to_owned(), 405),
        ("/eliminar/x".to_owned(), 404),
        (format!("/eliminar/{id}"), 404),
        (format!("{location}/delete"), 404),
        (format!("{location}?_method=DELETE"), 200),
        ("/api/session?_method=DELETE".to_owned(), 200),
        ("/api/password".to_owned(), 405),
        ("/api/session".to_owned(), 200),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = admin.send(method, &path, &[("X-HTTP-Method-Override", "DELETE")], b"");
            assert_eq!(answer.status, status, "{method} {path}");
        }
    }
    assert_eq!(admin.get("/api/session").status, 200, "the session is still there");
    assert_eq!(admin.get(&location).status, 200, "the file is still there");
    assert_eq!(admin.get("/logout").header("allow"), Some("POST"));
}

pub(crate) fn foreign_origin_is_refused_on_forms_and_api() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    let own = format!("http://{}", server.addr);
    let (kind, body) = multipart("archivo", "robado.txt", b"x");
    let stored = admin.upload("x", b"x").header("location").expect("a place").to_owned();
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let wrong_scheme = format!("https://{}", server.addr);
    let wrong_port = "http://127.0.0.1:1";
    let foreign: [&[(&str, &str)]; 9] = [
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
        &[("Origin", &wrong_scheme)],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.example")],
        &[("Sec-Fetch-Site", "none"), ("Origin", "null")],
        &[("Origin", wrong_port)],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &own)],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", &own)],
    ];
    for headers in foreign {
        let send = |method: &str, path: &str, kind: (&str, &str), body: &[u8]| {
            let answer = admin.send(method, path, &[headers, &[kind]].concat(), body);
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.text());
            if path.starts_with("/api") {
                assert_eq!(answer.code(), "cross_origin");
            }
            assert!(
                answer.header("set-cookie").is_none()
                    && answer.header("access-control-allow-origin").is_none()
            );
        };
        send("POST", "/login", form, b"usuario=cliente&clave=cliente123");
        send("POST", "/logout", form, b"");
        send("POST", "/subir", ("Content-Type", &kind), &body);
        send("POST", "/api/files", ("Content-Type", &kind), &body);
        let json = ("Content-Type", "application/json");
        send("POST", "/api/session", json, br#"{"username":"cliente","password":"cliente123"}"#);
        send("POST", "/api/password", json, br#"{"current":"admin123","new":"robada robada"}"#);
        send("DELETE", "/api/session", json, b"");
        send("DELETE", &stored, json, b"");
        assert_eq!(admin.handshake(headers).0.status, 403, "a socket, {headers:?}");
    }
    assert_eq!(
        admin.get("/api/files").json().as_array().map(Vec::len),
        Some(1),
        "nothing came, nothing went"
    );
    let same: [&[(&str, &str)]; 3] = [
        &[("Origin", &own)],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", &own)],
        &[("Sec-Fetch-Site", "none")],
    ];
    for headers in same {
        let answer =
            admin.send("POST", "/subir", &[headers, &[("Content-Type", kind.as_str())]].concat(), &body);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/listar")), "{headers:?}");
        assert_eq!(admin.handshake(headers).0.status, 101, "{headers:?}");
    }
}

#[test]
fn upload_never_overwrites_a_file() {
    let server = Server::start(Options::config("[limits]\nuploads_per_minute = 1000\nupload_burst = 1000"));
    let (admin, cliente) = (Client::admin(&server), Client::cliente(&server));
    let first = admin.upload("acta.txt", b"la primera");
    let second = cliente.upload("acta.txt", b"otra cosa");
    assert_eq!(
        (first.json()["name"].clone(), second.json()["name"].clone()),
        (json!("acta.txt"), json!("acta (2).txt"))
    );
    let content = |answer: &Response| {
        admin.get(&format!("{}/content", answer.header("location").expect("a place"))).body
    };
    assert_eq!((content(&first), content(&second)), (b"la primera".to_vec(), b"otra cosa".to_vec()));

    let both: Vec<_> = std::thread::scope(|scope| {
        let upload = |text: &'static str| {
            let cliente = cliente.clone();
            scope.spawn(move || cliente.upload("a la vez.txt", text.as_bytes()))
        };
        let threads = ["uno", "dos", "tres", "cuatro"].map(upload);
        threads.into_iter().map(|t| t.join().expect("uploads")).collect()
    });
    let mut names: Vec<_> =
        both.iter().map(|a| a.json()["name"].as_str().expect("a name").to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a la vez (2).txt", "a la vez (3).txt", "a la vez (4).txt", "a la vez.txt"]);
    let texts = both.iter().map(|a| String::from_utf8(content(a)).expect("text"));
    assert_eq!(texts.collect::<Vec<_>>(), ["uno", "dos", "tres", "cuatro"], "each has its own bytes");
}

#[test]
fn upload_of_16_mib_is_accepted_and_one_byte_more_is_413() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let mut data = vec![b'x'; 16 * MIB];
    let stored = client.upload("justo.bin", &data);
    assert_eq!((stored.status, stored.json()["size"].as_u64()), (201, Some(16 * MIB as u64)));
    data.push(b'x');
    let refused = client.upload("uno más.bin", &data);
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"));
    let (kind, body) = multipart("archivo", "uno más.bin", &data);
    let page = client.send("POST", "/subir", &[("Content-Type", &kind)], &body);
    assert_eq!((page.status, page.header("content-type")), (413, Some("text/html; charset=utf-8")));
    assert_eq!(client.get("/api/files").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn sign_in_works_over_plain_http_on_a_lan_name() {
    let server = Server::demo();
    let host = format!("pichat.local:{}", server.addr.port());
    let mut client = Client::new(&server).with("Host", &host).with("Origin", &format!("http://{host}"));
    let answer = client.sign_in("cliente", "cliente123");
    let cookie = answer.session_cookie().expect("a cookie").to_ascii_lowercase();
    assert!(!cookie.contains("secure") && !cookie.contains("domain"), "{cookie}");
    assert!(
        !cookie.starts_with("__host-") && !cookie.starts_with("__secure-"),
        "browsers would drop it: {cookie}"
    );
    assert_eq!(client.get("/inicio").status, 200);
    assert_eq!(client.socket().join_default("SALA")["type"], "joined");
}

pub(crate) fn emergency_setup_route_is_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = vec![("jefa", "la clave de jefa", "administrator")];
    let server = Server::start(Options { users, ..Options::default().data_dir(folder.path()) });
    let anyone = Client::new(&server);
    for method in ["GET", "POST"] {
        assert_eq!(anyone.send(method, "/emergency-setup", &[], b"").status, 404);
    }
    let known = [
        ("admin", "admin123"),
        ("cliente", "cliente123"),
        ("usuario", "usuario123"),
        ("arachne", "Um4.PqN+_?7s"),
    ];
    for (user, password) in known {
        assert_eq!(Client::new(&server).sign_in(user, password).status, 401, "{user}");
    }
    let list =
        pichat_command().args(["user", "list", "--data-dir"]).arg(folder.path()).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 1, "no account was added");
}

pub(crate) fn forwarded_for_is_not_believed() {
    let server = Server::demo();
    let names = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP"];
    for i in 0..5 {
        let mut liar = Client::new(&server);
        for name in names {
            liar = liar.with(
                name,
                &if name == "Forwarded" { format!("for=9.9.9.{i}") } else { format!("9.9.9.{i}") },
            );
        }
        assert_eq!(liar.sign_in("cliente", "adivino").status, 401);
    }
    let mut liar = Client::new(&server).with("X-Forwarded-For", "8.8.8.8");
    assert_eq!(liar.sign_in("cliente", "cliente123").code(), "locked_out");
    let line = server.wait_for_line("event=login.locked_out");
    assert!(line.contains("addr=127.0.0.1 "), "{line}");
}

#[test]
fn member_may_not_upload() {
    let server = Server::demo();
    let usuario = Client::usuario(&server);
    let refused = usuario.upload("a.txt", b"a");
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    let (kind, body) = multipart("archivo", "a.txt", b"a");
    assert_eq!(usuario.send("POST", "/subir", &[("Content-Type", &kind)], &body).status, 403);
    let page = usuario.get("/subir");
    assert_eq!((page.status, page.header("content-type")), (403, Some("text/html; charset=utf-8")));
    assert_eq!(usuario.get("/api/files").json(), json!([]));
}

#[test]
fn uploader_may_not_delete() {
    let server = Server::demo();
    let cliente = Client::cliente(&server);
    let own = cliente.upload("mío.txt", b"a").header("location").expect("a place").to_owned();
    for who in [&cliente, &Client::usuario(&server)] {
        let refused = who.delete(&own);
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    }
    assert_eq!(Client::new(&server).delete(&own).code(), "unauthenticated");
    assert_eq!(cliente.get(&own).status, 200);
}

#[test]
fn name_of_dots_is_answered_without_a_crash() {
    let server = Server::start(Options::config("[limits]\nuploads_per_minute = 1000\nupload_burst = 1000"));
    let client = Client::cliente(&server);
    for name in ["....", ".", "..", "/", "../", " . ", "\u{202e}"] {
        let refused = client.upload(name, b"x");
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_name"), "{name:?}");
    }
    assert!(matches!(client.upload("", b"x").status, 400 | 422));
    assert_eq!(client.upload("名", b"x").json()["name"], "名", "letters of any script are a name");
}

pub(crate) fn security_headers_are_there() {
    let server = Server::demo();
    let (admin, anyone) = (Client::admin(&server), Client::new(&server));
    let file =
        admin.upload("x.html", b"<script>alert(1)</script>").header("location").expect("a place").to_owned();
    let paths = [
        "/",
        "/login",
        "/inicio",
        "/chat",
        "/listar",
        "/subir",
        "/static/css/base.css",
        "/favicon.ico",
        "/api/health",
    ];
    let api = [
        "/api/session",
        "/api/files",
        "/api/rooms",
        "/nada",
        "/api/nada",
        "/logout",
        "/api/password",
        "/ws",
        "/api/files/x",
    ];
    let mut answers: Vec<(String, Response)> = Vec::new();
    for path in paths.into_iter().chain(api) {
        for client in [&admin, &anyone] {
            answers.push((path.to_owned(), client.get(path)));
        }
    }
    let content = format!("{file}/content");
    answers.push(("content".to_owned(), admin.get(&content)));
    answers.push(("part".to_owned(), admin.send("GET", &content, &[("Range", "bytes=0-1")], b"")));
    answers.push(("no part".to_owned(), admin.send("GET", &content, &[("Range", "bytes=99-")], b"")));
    answers.push(("login".to_owned(), anyone.post_form("/login", "usuario=x&clave=y")));
    answers.push(("foreign".to_owned(), admin.send("POST", "/logout", &[("Origin", "null")], b"")));
    answers.push(("misdirected".to_owned(), anyone.send("GET", "/", &[("Host", "evil.example")], b"")));
    for (what, answer) in answers {
        let status = answer.status;
        assert!(status != 500, "{what}");
        let header =
            |name: &str| answer.header(name).unwrap_or_else(|| panic!("{name} is missing: {what} {status}"));
        let csp = header("content-security-policy");
        assert!(
            csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{what}: {csp}"
        );
        assert!(
            !csp.contains("unsafe-inline") && !csp.contains("unsafe-eval") && !csp.contains('*'),
            "{what}: {csp}"
        );
        assert_eq!(
            (header("x-content-type-options"), header("x-frame-options")),
            ("nosniff", "DENY"),
            "{what}"
        );
        assert!(matches!(header("referrer-policy"), "same-origin" | "no-referrer"), "{what}");
        assert!(answer.header("server").is_none(), "{what}: says what it is");
        if what == "content" || what == "part" {
            assert!(csp.contains("sandbox"), "{what}: {csp}");
            assert_eq!(header("content-type"), "application/octet-stream");
            assert!(header("content-disposition").starts_with("attachment"), "{what}");
        }
    }
}
