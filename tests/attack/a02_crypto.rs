//! A02, cryptographic failures: forged, truncated and altered tokens, and the data on the disk.
//!
//! Elsewhere: attributes of the cookie (`http/request/cookies.rs`, `a01_csrf`), Argon2's parameters
//! (`tests/accounts.rs`), keys that are too short (`tests/config_audit.rs`), TLS (`tests/tls.rs`), nothing secret in the log (`legacy_vulnerabilities_chat`,
//! `tests/config_audit.rs`).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use super::raw_bytes::GENEROUS;
use crate::common::{Client, Options, Server};

fn token(client: &Client) -> String {
    client.cookie.as_deref().and_then(|c| c.split_once('=')).expect("a cookie").1.to_owned()
}

#[test]
fn altered_session_token_is_refused() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let good = token(&client);
    let status = |cookie: &str| {
        let asking = Client { cookie: Some(cookie.to_owned()), ..Client::new(&server) };
        let statuses = (asking.get("/api/session").status, asking.handshake(&[]).0.status);
        assert!(matches!(statuses, (200, 101) | (401, 401)), "{statuses:?}");
        statuses.0
    };
    let name = server.cookie_name();
    assert_eq!(status(&format!("{name}={good}")), 200);
    assert_eq!((good.len(), good.bytes().all(|b| b.is_ascii_hexdigit())), (64, true), "256 bits");
    // Changes each digit, one after the other.
    for at in 0..good.len() {
        let other = if good.as_bytes()[at] == b'0' { "1" } else { "0" };
        let forged = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        assert_eq!(status(&format!("{name}={forged}")), 401, "digit {at}");
    }
    for cut in [0, 1, 16, 32, 63] {
        assert_eq!(status(&format!("{name}={}", &good[..cut])), 401, "cut to {cut}");
    }
    for other in [
        format!("{name}={good}0"),
        format!("{name}={good}{good}"),
        format!("{name}={}", good.to_uppercase()),
        format!("{name}=\"{good}\""),
        format!("{name}= {good}"),
        format!("{name}=%{}", &good[1..]),
        format!("{}={good}", name.to_uppercase()),
        format!("__Host-{name}={good}"),
        format!("session={good}"),
        format!("pichat-1={good}"),
        format!("{name}[]={good}"),
        format!("{name}={good}, x"),
        format!("x={name}={good}"),
        format!("{name}={good}\u{e9}"),
        name.clone(),
        format!("{name}="),
        "=".to_owned(),
        format!("{name}={}", "0".repeat(64)),
        format!("{name}={}", "f".repeat(64)),
        format!("{name}=../../../etc/passwd"),
        format!("{name}=' OR 1=1 --"),
    ] {
        assert_eq!(status(&other), 401, "{other}");
    }
    let in_url = Client::new(&server).get(&format!("/api/session?{name}={good}"));
    assert_eq!(in_url.status, 401, "a token in an address is nothing");
    let bearer = Client::new(&server).send(
        "GET",
        "/api/session",
        &[("Authorization", &format!("Bearer {good}"))],
        b"",
    );
    assert_eq!(bearer.status, 401);
}

#[test]
fn session_tokens_are_independent() {
    let server = Server::start(Options::config(GENEROUS));
    let tokens: Vec<_> = (0..16).map(|_| token(&Client::usuario(&server))).collect();
    for (i, one) in tokens.iter().enumerate() {
        for other in &tokens[i + 1..] {
            // 64 random digits agree in 4; 24 or more agree in none of 10¹² pairs.
            let same = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
            assert!(same < 24, "{one} {other}");
        }
    }
}

fn everything_below(folder: &Path, into: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            everything_below(&path, into);
        } else if let Ok(bytes) = std::fs::read(&path) {
            into.push((path, bytes));
        }
    }
}

#[test]
fn disk_holds_no_passwords_tokens_or_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = vec![("ana", "lirio azul 77", "administrator")];
    let mut server = Server::start(Options { users, ..Options::default().data_dir(folder.path()) });
    let ana = Client::signed_in(&server, "ana", "lirio azul 77");
    let mut socket = ana.socket();
    socket.join("sala", "MUYsecreta", "private");
    socket.send_message("sala", "MUYprivado");
    assert_eq!(
        ana.post_json("/api/password", &json!({"current": "lirio azul 77", "new": "cedro gris 88"})).status,
        204
    );
    server.signal("TERM");
    assert!(server.wait().success());
    let mut files = Vec::new();
    everything_below(folder.path(), &mut files);
    assert!(files.len() > 1, "the database is there");
    for (path, bytes) in &files {
        for secret in ["lirio azul", "cedro gris", "MUYsecreta", "MUYprivado", &token(&ana)] {
            assert!(
                !bytes.windows(secret.len()).any(|w| w == secret.as_bytes()),
                "{secret} in {}",
                path.display()
            );
        }
        let mode = path.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is for its owner only: {mode:o}", path.display());
    }
    let database = files.iter().find(|(path, _)| path.ends_with("pichat.db")).expect("the database");
    let text = String::from_utf8_lossy(&database.1);
    assert!(text.contains("$argon2id$v=19$"), "the password is there as its hash");
}
