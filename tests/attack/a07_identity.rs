//! A07, identification and authentication: planted sessions, guesses from many addresses, answers that reveal
//! names.
//!
//! Elsewhere: guesses from one address, locks, timing, lies about the address (`legacy_vulnerabilities_web`,
//! `tests/http_boundaries.rs`), the ends of sessions (`legacy_vulnerabilities_web`,
//! `legacy_vulnerabilities_chat`, `tests/accounts.rs`), tokens (`a02_crypto`), new passwords
//! (`tests/passwords.rs`).

use std::time::{Duration, Instant};

use super::raw_bytes::{GENEROUS, client_behind};
use crate::common::{Client, Options, Server, TRUSTING};

#[test]
fn planted_session_is_never_adopted() {
    let server = Server::start(Options::config(GENEROUS));
    let planted = format!("{}={}", server.cookie_name(), "5e".repeat(32));
    for by_form in [false, true] {
        let mut victim = Client { cookie: Some(planted.clone()), ..Client::new(&server) };
        let answer = if by_form {
            victim.post_form("/login", "usuario=admin&clave=admin123")
        } else {
            victim.sign_in("admin", "admin123")
        };
        let set = answer.session_cookie().expect("a cookie").split(';').next().expect("a pair").to_owned();
        assert_ne!(set, planted, "a new session has a new token");
        let attacker = Client { cookie: Some(planted.clone()), ..Client::new(&server) };
        assert_eq!(attacker.get("/api/session").status, 401, "a planted token is invalid");
    }
}

#[test]
fn sign_in_ends_the_session_it_replaces() {
    let server = Server::start(Options::config(GENEROUS));
    let attacker = Client::usuario(&server);
    let mut socket = attacker.socket();
    socket.join_default("sala");
    let mut victim = attacker.clone();
    assert_eq!(victim.sign_in("admin", "admin123").status, 200);
    assert_ne!(victim.cookie, attacker.cookie);
    assert_eq!(
        (attacker.get("/api/session").status, socket.close_code()),
        (401, 4001),
        "nothing of it is left to watch through"
    );
    // A failed sign-in changes nothing.
    let mut own = Client::cliente(&server);
    let before = own.cookie.clone();
    assert_eq!(own.sign_in("admin", "no es esta").status, 401);
    own.cookie = before;
    assert_eq!(own.get("/api/session").json()["username"], "cliente");
}

#[test]
fn duplicate_session_cookies_are_handled() {
    let server = Server::start(Options::config(GENEROUS));
    let (usuario, admin) =
        (Client::usuario(&server).cookie.expect("one"), Client::admin(&server).cookie.expect("one"));
    for (line, name) in [
        (format!("{usuario}; {admin}"), "usuario"),
        (format!("{}=x; {admin}; {usuario}", server.cookie_name()), "admin"),
    ] {
        let both = Client { cookie: Some(line), ..Client::new(&server) };
        assert_eq!(both.get("/api/session").json()["username"], name, "the first that is a token");
    }
    let mut client = Client { cookie: Some(format!("{usuario}; {admin}")), ..Client::new(&server) };
    client.headers.push(("Cookie".to_owned(), admin));
    assert_eq!(client.get("/api/session").json()["username"], "usuario");
}

#[test]
fn password_spraying_is_throttled() {
    let server = Server::start(Options::config(TRUSTING));
    let names = ["admin", "cliente", "usuario", "root", "ana"];
    let mut refusals = std::collections::BTreeMap::new();
    for n in 0..40 {
        let mut sprayer = client_behind(&server, n);
        let answer = sprayer.sign_in(names[n % names.len()], "Primavera2026");
        *refusals.entry((answer.status, answer.code(), answer.json()["detail"].to_string())).or_insert(0) +=
            1;
    }
    assert_eq!(refusals.len(), 1, "one answer, whatever the name: {refusals:?}");
    assert_eq!(
        refusals.keys().next().map(|(status, code, _)| (*status, code.as_str())),
        Some((401, "invalid_credentials"))
    );
    for (name, password) in [("admin", "admin123"), ("cliente", "cliente123"), ("usuario", "usuario123")] {
        assert_eq!(client_behind(&server, 100).sign_in(name, password).status, 200, "{name} still gets in");
    }
    assert_eq!(server.stderr().matches("event=login.failed").count(), 40, "each try is in the log");
    server.wait_for_line("addr=10.0.0.40 ");
}

#[test]
fn distributed_guessing_slows_answers_without_a_lock() {
    let server = Server::start(Options::config(TRUSTING));
    // After fifty failures in a row each answer waits 100 ms longer than the one before.
    for n in 0..56 {
        assert_eq!(client_behind(&server, n).sign_in("cliente", "adivino").status, 401, "{n}");
    }
    let begin = Instant::now();
    assert_eq!(client_behind(&server, 56).sign_in("cliente", "adivino").status, 401);
    let slow = begin.elapsed();
    assert!(slow >= Duration::from_millis(500), "{slow:?}");
    let right = client_behind(&server, 57).sign_in("cliente", "cliente123");
    assert_eq!(right.status, 200, "the right password works after a delay: {}", right.text());
    assert_eq!(
        client_behind(&server, 0).sign_in("cliente", "cliente123").status,
        200,
        "also from an address that failed"
    );
}

#[test]
fn unknown_name_is_treated_like_a_known_one() {
    let server = Server::start(Options::config(TRUSTING));
    let answers = |n: usize, name: &str| -> Vec<_> {
        let mut client = client_behind(&server, n);
        (0..7)
            .map(|_| client.sign_in(name, "adivino"))
            .map(|a| (a.status, a.code(), a.json()["detail"].to_string()))
            .collect()
    };
    let (known, unknown) = (answers(1, "cliente"), answers(2, "clienta"));
    assert_eq!(known, unknown);
    assert_eq!(known.last().map(|(status, code, _)| (*status, code.as_str())), Some((429, "locked_out")));
}

#[test]
fn sign_in_needs_name_and_password() {
    let server = Server::start(Options::config(GENEROUS));
    for body in [
        r#"{"username":"admin"}"#,
        r#"{"username":"admin","password":null}"#,
        r#"{"username":"admin","password":true}"#,
        r#"{"username":"admin","password":["admin123"]}"#,
        r#"{"username":["admin"],"password":"admin123"}"#,
        r#"{"username":{"$ne":null},"password":{"$ne":null}}"#,
        r#"{"username":"admin","password":"x","password":"admin123"}"#,
        r#"[{"username":"admin","password":"admin123"}]"#,
    ] {
        let answer = Client::new(&server).send(
            "POST",
            "/api/session",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        );
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{body}");
    }
    for form in [
        "usuario=admin",
        "clave=admin123",
        "usuario=admin&clave=",
        "usuario=admin&clave=x&clave=admin123",
        "usuario[]=admin&clave[]=admin123",
    ] {
        let answer = Client::new(&server).post_form("/login", form);
        assert!(
            matches!(answer.status, 400 | 401) && answer.header("set-cookie").is_none(),
            "{form}: {}",
            answer.status
        );
    }
    for (name, password) in
        [("admin", ""), ("admin", " admin123"), ("admin", "admin123 "), ("admin", "ADMIN123"), ("", "")]
    {
        assert_eq!(Client::new(&server).sign_in(name, password).status, 401, "{name:?} {password:?}");
    }
}
