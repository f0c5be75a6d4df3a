//! Audit log: lines cannot be injected, nor hidden by writing many.
//!
//! Elsewhere: lines through a real syslog socket, names and addresses that forge (`tests/config_audit.rs`),
//! secrets (`legacy_vulnerabilities_chat`, `tests/config_audit.rs`), a log that cannot keep up
//! (`audit/writer_tests.rs`), every event's fields (`audit/line_tests.rs`).

use std::io::Write as _;

use serde_json::json;

use super::raw_bytes::{GENEROUS, client_at};
use crate::common::{Client, Options, Server};

const FORGED: &str = "event=login.ok result=ok user=\"admin\" addr=6.6.6.6";

#[test]
fn external_values_stay_within_one_audit_value() {
    let server = Server::start(Options::config(GENEROUS));
    let (client, admin) = (Client::cliente(&server), Client::admin(&server));
    let breakers = [
        format!("x\" {FORGED}"),
        format!("x%0a{FORGED}"),
        format!("x\u{2028}{FORGED}"),
        format!("x\u{1b}[2K{FORGED}"),
        format!("x\\\" {FORGED}"),
    ];
    for text in &breakers {
        let url: String = text
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b == b'%' {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        assert_eq!(Client::new(&server).sign_in(text, text).status, 401);
        // Refusals by role, by origin and by host name: each line quotes the request.
        assert_eq!(client.delete(&format!("/api/files/{url}")).status, 403);
        let _ = client.try_send(
            "POST",
            &format!("/logout?{url}"),
            &[("Origin", &format!("http://{}", text.replace('\u{1b}', "")))],
            b"",
        );
        let _ = client.try_send("GET", "/", &[("Host", &text.replace('\u{1b}', ""))], b"");
        let _ = client.try_send(
            "GET",
            "/",
            &[("User-Agent", text), ("Referer", text), ("X-Forwarded-For", text)],
            b"",
        );
        let uploaded = client.upload(&text.replace(['"', '\u{1b}'], "%22"), b"x");
        if uploaded.status == 201 {
            let place = uploaded.header("location").expect("a place").to_owned();
            client.get(&format!("{place}/content"));
            assert_eq!(admin.delete(&place).status, 204);
        }
        let mut socket = client.socket();
        assert_eq!(socket.join(text, "secreta", "group")["type"], "error");
        socket.send_text(&json!({"type": text, "room": text}).to_string());
        socket.close();
    }
    let mut stream = client.connect();
    let _ = stream.write_all(format!("{FORGED}\r\nGET / HTTP/1.1\r\n\r\n").as_bytes());
    drop(stream);
    client.delete("/api/session");
    server.wait_for_line("event=session.ended");
    let log = server.stderr();
    let mut signed_in = 0;
    for line in log.lines() {
        assert!(line.starts_with("event=") && line.contains(" at="), "a line of its own form: {line:?}");
        assert!(
            !line.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')),
            "{line:?}"
        );
        // Outside quotes a field stands once; forged text stands inside them.
        let outside: String = line.split('"').step_by(2).collect();
        let quoted_well = line.replace("\\\\", "").replace("\\\"", "").matches('"').count() % 2 == 0;
        assert!(quoted_well, "{line:?}");
        if !line.contains("\\\"") {
            assert!(outside.matches("event=").count() == 1 && !outside.contains("6.6.6.6"), "{line:?}");
        }
        signed_in += usize::from(line.starts_with("event=login.ok "));
    }
    assert_eq!(signed_in, 2, "cliente and admin only");
}

#[test]
fn endless_refusals_write_few_audit_lines() {
    let server = Server::start(Options::config(
        "[limits]\nrequests_per_minute = 1\nrequest_burst = 50\nconnections_per_address = 2\n",
    ));
    let client = Client::cliente(&server);
    for _ in 0..300 {
        let _ = client.try_send("GET", "/api/health", &[], b"");
    }
    let held: Vec<_> = (0..2).map(|_| client_at(&server, 1).connect()).collect();
    for _ in 0..300 {
        let _ = client_at(&server, 1).try_send("GET", "/api/health", &[], b"");
    }
    server.wait_for_line("event=request.rate_limited");
    server.wait_for_line("event=connection.refused");
    drop(held);
    let lines = server.stderr().lines().count();
    assert!(lines < 60, "600 refusals, {lines} lines");
}

#[test]
fn security_events_name_user_and_address() {
    let server = Server::start(Options::config("[limits]\nlogin_failures = 2\n"));
    let mut attacker = client_at(&server, 7);
    for _ in 0..3 {
        attacker.sign_in("admin", "adivino");
    }
    let mut usuario = client_at(&server, 8);
    assert_eq!(usuario.sign_in("usuario", "usuario123").status, 200);
    usuario.get("/subir");
    usuario.delete("/api/files/x");
    usuario.send("POST", "/logout", &[("Origin", "http://evil.example")], b"");
    usuario.send("GET", "/", &[("Host", "evil.example")], b"");
    let mut socket = usuario.socket();
    Client::cliente(&server).socket().join("sala", "secreta", "private");
    socket.join("sala", "equivocada", "private");
    for (event, parts) in [
        ("login.failed", vec!["user=\"admin\"", "addr=127.1.0.8 ", "reason=wrong_password"]),
        ("login.locked_out", vec!["user=\"admin\"", "addr=127.1.0.8 "]),
        ("login.ok", vec!["user=\"usuario\"", "addr=127.1.0.9 "]),
        ("access.denied", vec!["user=\"usuario\"", "addr=127.1.0.9 ", "path="]),
        ("request.cross_origin", vec!["addr=127.1.0.9 ", "evil.example"]),
        ("request.misdirected", vec!["addr=127.1.0.9 ", "host=evil.example"]),
        ("room.wrong_password", vec!["user=\"usuario\"", "room=sala"]),
    ] {
        let line = server.wait_for_line(&format!("event={event} "));
        assert!(parts.iter().all(|part| line.contains(part)), "{event}: {line}");
    }
}
