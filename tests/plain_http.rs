//! Plain HTTP beside HTTPS: the page with the certificate, redirects, the check of trust, the console.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use common::server::pichat_command;
use common::tls::{Secure, connect, run, said};
use common::{Client, Options, Server};

#[test]
fn plain_http_explains_and_redirects_only() {
    let secure = Secure::with_ana();
    let plain = secure.plain();
    let page = plain.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let fingerprint = said(&run(
        "openssl",
        &["x509", "-in", secure.authority_file.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"],
    ));
    let digits: String =
        fingerprint.trim().rsplit('=').next().unwrap().chars().filter(char::is_ascii_hexdigit).collect();
    let shown: String = page
        .text()
        .split(r#"id="fingerprint">"#)
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(shown, digits);
    assert!(
        secure.server.banner.split_whitespace().collect::<String>().contains(&digits),
        "{}",
        secure.server.banner
    );
    let csp = page.header("content-security-policy").unwrap();
    let own = format!("connect-src https://127.0.0.1:{0} wss://127.0.0.1:{0};", secure.server.addr.port());
    assert!(csp.contains(&own) && !csp.contains("unsafe") && csp.contains("form-action 'none'"), "{csp}");
    assert!(page.text().starts_with("<!doctype html>\n<html lang=\"es\">"));
    let english = plain.clone().with("Accept-Language", "en-GB");
    for (client, path, lang) in [
        (&plain, "/?en", "en"),
        (&english, "/", "en"),
        (&english, "/confianza?es", "es"),
        (&english, "/probar", "en"),
    ] {
        assert!(client.get(path).text().contains(&format!("<html lang=\"{lang}\">")), "{path}");
    }
    let certificate = plain.get("/pichat.crt");
    assert_eq!(certificate.header("content-type"), Some("application/x-x509-ca-cert"));
    let profile = plain.get("/pichat.mobileconfig");
    assert_eq!(profile.header("content-type"), Some("application/x-apple-aspen-config"));
    let base64: String = secure.authority.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(profile.text().contains(&format!("<data>{base64}</data>")));
    let page = plain.get("/").text();
    for asset in ["css/base.css", "css/trust.css", "css/no-script.css", "js/trust.js", "img/seedling.svg"] {
        assert_eq!(plain.get(&format!("/static/{asset}")).status, 200, "{asset}");
        let versioned = page
            .split('"')
            .find(|word| word.starts_with("/static/v") && word.ends_with(asset))
            .expect("is named");
        assert_eq!(plain.get(versioned).status, 200, "{versioned}");
    }

    let https = format!("https://127.0.0.1:{}", secure.server.addr.port());
    for path in [
        "/login",
        "/api/health",
        "/api/trusted",
        "/ws",
        "/inicio?a=b%20c",
        "/static/js/app.js",
        "//evil.example/x",
        "/reclamar",
    ] {
        let answer = plain.get(path);
        assert_eq!(
            (answer.status, answer.header("location")),
            (307, Some(format!("{https}{path}").as_str())),
            "{path}"
        );
        assert_eq!(
            (answer.header("set-cookie"), answer.header("strict-transport-security"), answer.body.len()),
            (None, None, 0)
        );
    }
    let form = plain.post_form("/login", "usuario=ana&clave=una-clave-larga");
    assert_eq!((form.status, form.header("location")), (303, Some(format!("{https}/login").as_str())));
    assert_eq!((form.header("set-cookie"), form.body.len()), (None, 0));
    let api = plain
        .post_json("/api/session", &serde_json::json!({"username": "ana", "password": "una-clave-larga"}));
    assert_eq!((api.status, api.header("set-cookie")), (303, None));
    assert_eq!(plain.delete("/api/session").status, 303);
    assert_eq!(plain.send("POST", "/", &[], b"x").status, 303, "a page is only read");
    assert!(!secure.server.stderr().contains("event=login"));

    for host in ["evil.example", "a;b.local", "x/.local", "u@pichat.local"] {
        let answer = plain.send("GET", "/login", &[("Host", host)], b"");
        assert!(matches!(answer.status, 400 | 421), "{host}: {}", answer.status);
        assert_eq!(answer.header("location"), None, "{host}");
    }
    let named = plain.send("GET", "/login", &[("Host", "pichat.local:80")], b"");
    assert_eq!(
        named.header("location"),
        Some(format!("https://pichat.local:{}/login", secure.server.addr.port()).as_str())
    );
}

#[test]
fn trust_check_is_for_the_own_plain_page() {
    let secure = Secure::with_ana();
    let own = format!("http://pichat.local:{}", secure.plain.port());
    let answer = secure.get("/api/trusted", &format!("Origin: {own}\r\n"));
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"trusted":true}"#));
    assert_eq!(answer.header("access-control-allow-origin"), Some(own.as_str()));
    assert_eq!(
        (answer.header("vary"), answer.header("access-control-allow-credentials")),
        (Some("Origin"), None)
    );
    assert_eq!(answer.header("strict-transport-security"), None, "never beside unusual ports");
    let secure_own = format!("https://pichat.local:{}", secure.server.addr.port());
    for foreign in [
        "http://evil.example",
        "null",
        "http://pichat.local",
        &format!("http://127.0.0.1:{}", secure.plain.port()),
    ] {
        let answer = secure.get("/api/trusted", &format!("Origin: {foreign}\r\n"));
        assert_eq!(answer.header("access-control-allow-origin"), None, "{foreign}");
    }
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (origin, status) in
        [(own.as_str(), 101), (&secure_own, 101), ("http://evil.example", 403), ("null", 403)]
    {
        let mut stream = secure.connect("pichat.local").unwrap();
        let port = secure.server.addr.port();
        let head = format!(
            "GET /ws/check HTTP/1.1\r\nHost: pichat.local:{port}\r\nOrigin: {origin}\r\n{upgrade}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut all = vec![0; 12];
        stream.read_exact(&mut all).unwrap();
        assert_eq!(all, format!("HTTP/1.1 {status}").as_bytes(), "{origin}");
        if status == 101 {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert!(rest.ends_with(b"\r\n\r\n\x88\x09\x03\xe8checked"), "closes with 1000 and is over");
        }
    }
    let off = Server::demo();
    for path in ["/api/trusted", "/ws/check", "/probar"] {
        assert_eq!(Client::new(&off).get(path).status, 404, "{path}: nothing to trust without TLS");
    }
}

#[test]
fn console_begins_with_the_trust_step() {
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run/pichat");
    std::fs::create_dir_all(&run).unwrap();
    let secure = Secure::start(Options::default().env("RUNTIME_DIRECTORY", run.to_str().unwrap()));
    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("status.json")).unwrap()).unwrap();
    assert_eq!(
        (state["scheme"].as_str(), state["listen"].as_str()),
        (Some("https"), Some(secure.server.addr.to_string().as_str()))
    );
    assert_eq!(state["plain"].as_str(), Some(secure.plain.to_string().as_str()));
    std::fs::create_dir_all(root.path().join(format!("proc/{}", secure.server.pid()))).unwrap();
    let screen = said(&pichat_command().args(["status", "--root"]).arg(root.path()).output().unwrap());
    let code = std::fs::read_to_string(run.join("claim")).unwrap();
    let lines: Vec<_> =
        state["fingerprint"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let page = secure.plain().get("/").text();
    let start = format!("http://{}", secure.plain);
    for part in [lines[0], lines[1], start.as_str(), "/activar", code.trim()] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(page.contains(&lines.join("\n")), "the page shows it in the same lines");
    assert!(!page.contains(code.trim()), "the code is nothing for the network");
}

#[test]
fn wrong_protocol_on_a_port_is_answered() {
    let secure = Secure::with_ana();
    let wrong = Client { addr: secure.server.addr, ..secure.plain() };
    let answer = wrong.get("/login");
    let to = format!("https://{}/login", secure.server.addr);
    assert_eq!((answer.status, answer.header("location")), (307, Some(to.as_str())));
    let posted = wrong.post_form("/login", "usuario=ana&clave=una-clave-larga");
    assert_eq!((posted.status, posted.header("set-cookie")), (303, None));
    let tls_on_plain = connect(secure.plain, &secure.authority, "pichat.local");
    assert!(tls_on_plain.is_err(), "and ends at once");
    let mut garbage = TcpStream::connect(secure.server.addr).unwrap();
    garbage.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    garbage.write_all(b"\0\x01\x02 no record at all\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = garbage.read_to_end(&mut rest);
    assert!(rest.len() < 32 && !rest.starts_with(b"HTTP"), "an alert at the most: {rest:?}");
}
