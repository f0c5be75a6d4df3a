//! Limits at their boundary: at the limit requests pass, one past it they are refused. `docs/LIMITS.md` names
//! a test for each limit; these tests check that each named test exists and that no key is missing.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;
#[path = "common/evidence.rs"]
mod evidence;

use std::collections::BTreeSet;

use common::{Client, Options, Server, TRUSTING};
use evidence::{cells, exists, named_tests};
use pichat::config::{SettingKind, settings};
use serde_json::{Value, json};

fn with(settings: &[(&'static str, &str)]) -> Server {
    Server::start(
        settings.iter().fold(Options::default(), |options, (name, value)| options.env(name, *value)),
    )
}

#[track_caller]
fn assert_wait(answer: &Value) {
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("rate_limited")), "{answer}");
    assert!(answer["retry_after"].as_u64().is_some_and(|s| s >= 1), "{answer}");
}

#[test]
fn frame_size_is_limited() {
    let server = with(&[("PICHAT_LIMITS_MESSAGE_CHARS", "1300")]);
    let client = Client::cliente(&server);
    let most = 12 * 1300 + 1024;
    let padded = |bytes: usize| {
        let request = json!({"type": "leave", "room": "ajena"}).to_string();
        let blanks = " ".repeat(bytes - request.len());
        request + &blanks
    };
    let mut socket = client.socket();
    socket.send_text(&padded(most));
    assert_eq!(socket.recv()["code"], "not_member", "it was read");
    socket.send_text(&padded(most + 1));
    assert_eq!(socket.close_code(), 1009);
}

#[test]
fn message_burst_of_a_user_is_limited() {
    let server = with(&[("PICHAT_LIMITS_MESSAGE_BURST", "3"), ("PICHAT_LIMITS_MESSAGES_PER_MINUTE", "1")]);
    let client = Client::cliente(&server);
    let (mut a, mut a2, mut b) = (client.socket(), client.socket(), Client::usuario(&server).socket());
    for socket in [&mut a, &mut a2, &mut b] {
        socket.join_default("sala");
    }
    let sent = [a.send_message("sala", "x"), a2.send_message("sala", "x"), a.send_message("sala", "x")];
    assert!(sent.iter().all(|answer| answer["type"] == "sent"), "{sent:?}");
    assert_wait(&a.send_message("sala", "x"));
    assert_wait(&a2.send_message("sala", "x"));
    assert_eq!(
        b.send_message("sala", "x")["seq"],
        4,
        "no other user waits, and a refused message has no number"
    );
}

#[test]
fn join_burst_of_a_user_is_limited() {
    let server = with(&[("PICHAT_LIMITS_JOINS_PER_MINUTE", "2")]);
    let mut a = Client::cliente(&server).socket();
    a.join_default("uno");
    a.join_default("dos");
    assert_wait(&a.join("tres", "secreta", "group"));
    let entered = a.request(json!({"type": "enter", "room": "uno", "since": 0}));
    assert_eq!(entered["type"], "joined", "coming back has a rate of its own: {entered}");
    Client::usuario(&server).socket().join_default("tres");
}

#[test]
fn failed_sign_ins_of_an_address_are_limited() {
    let server = Server::start(
        Options::config(TRUSTING)
            .env("PICHAT_LIMITS_LOGINS_PER_MINUTE", "2")
            .env("PICHAT_LIMITS_LOGIN_FAILURES", "100"),
    );
    let at = |last| Client::new(&server).behind(last);
    assert_eq!(at(9).sign_in("uno", "x").status, 401);
    for _ in 0..5 {
        assert_eq!(at(9).sign_in("cliente", "cliente123").status, 200, "costs nothing");
    }
    assert_eq!(at(9).sign_in("dos", "x").status, 401, "the second");
    assert_eq!(at(9).sign_in("tres", "x").status, 401, "the extra attempt of a user who signed in here");
    let refused = at(9).sign_in("cliente", "cliente123");
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(at(9).sign_in("cuatro", "x").status, 429);
    assert_eq!(at(8).sign_in("cliente", "cliente123").status, 200);
    server.wait_for_line("event=login.rate_limited");
    assert_eq!(server.stderr().matches("event=login.rate_limited").count(), 1, "one line");
}

#[test]
fn pair_is_locked_after_the_configured_failures() {
    let server = Server::start(
        Options::config(TRUSTING)
            .env("PICHAT_LIMITS_LOGIN_FAILURES", "2")
            .env("PICHAT_LIMITS_LOCKOUT_SECONDS", "77"),
    );
    let at = |last| Client::new(&server).behind(last);
    assert_eq!(at(9).sign_in("cliente", "x").status, 401);
    assert_eq!(
        at(9).sign_in("cliente", "cliente123").status,
        200,
        "one is not two, and in a row they are no more"
    );
    for _ in 0..2 {
        assert_eq!(at(9).sign_in("cliente", "x").status, 401);
    }
    let locked = at(9).sign_in("cliente", "cliente123");
    assert_eq!((locked.status, locked.code().as_str()), (429, "locked_out"));
    let wait: u64 = locked.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=77).contains(&wait), "{wait}");
    assert_eq!(
        (at(8).sign_in("cliente", "cliente123").status, at(9).sign_in("usuario", "usuario123").status),
        (200, 200)
    );
}

#[test]
fn request_burst_of_an_address_is_limited() {
    let options = Options::config(TRUSTING)
        .env("PICHAT_LIMITS_REQUEST_BURST", "4")
        .env("PICHAT_LIMITS_REQUESTS_PER_MINUTE", "1");
    let server = Server::start(options);
    let statuses = |last| [(); 5].map(|()| Client::new(&server).behind(last).get("/api/health").status);
    assert_eq!((statuses(9), statuses(8)), ([200, 200, 200, 200, 429], [200, 200, 200, 200, 429]));
}

#[test]
fn ring_keeps_the_configured_messages() {
    let server = with(&[("PICHAT_LIMITS_ROOM_RING", "2")]);
    let usuario = Client::usuario(&server);
    let (mut a, mut b) = (Client::cliente(&server).socket(), usuario.socket());
    a.join_default("sala");
    b.join_default("sala");
    for (said, gap) in [(2, None), (3, Some(json!({"type": "gap", "room": "sala", "from": 3, "to": 3})))] {
        b.abort();
        (0..said).for_each(|_| drop(a.send_message("sala", "x")));
        b = usuario.socket();
        let since = if gap.is_none() { 0 } else { 2 };
        let joined = b.request(json!({"type": "enter", "room": "sala", "since": since}));
        assert_eq!(joined["type"], "joined", "{joined}");
        if let Some(gap) = gap {
            assert_eq!(b.recv(), gap);
        }
        for _ in 0..2 {
            assert_eq!(b.recv()["type"], "message");
        }
    }
}

/// Returns the rows of the second table of `docs/LIMITS.md`: limit, tests.
fn rows(document: &str) -> Vec<(&str, Vec<&str>)> {
    let (_, table) = document.split_once("\n## Tests at the limits\n").expect("the section is there");
    let rows = table.lines().filter_map(cells).filter(|row| !row[0].starts_with("---") && row[0] != "limit");
    rows.map(|row| (row[0], named_tests(row[1]))).collect()
}

#[test]
fn every_limit_names_an_existing_test() {
    let document = evidence::read("docs/LIMITS.md");
    let rows = rows(&document);
    assert!(rows.len() >= 30, "{} rows", rows.len());
    let bare: Vec<_> = rows.iter().filter(|(_, tests)| tests.is_empty()).map(|(limit, _)| limit).collect();
    assert!(bare.is_empty(), "no test is named for {bare:?}");
    let missing: BTreeSet<_> =
        rows.iter().flat_map(|(_, tests)| tests).filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "docs/LIMITS.md names missing tests: {missing:#?}");
}

#[test]
fn table_of_limits_has_every_key() {
    let example = evidence::read("docs/pichat.example.toml");
    let (_, table) = example.split_once("\n[limits]\n").expect("the table is there");
    let keys = table.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let keys: Vec<_> = keys.filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
    assert!(keys.len() >= 22, "{keys:?}");
    let document = evidence::read("docs/LIMITS.md");
    let rows = rows(&document);
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !rows.iter().any(|(limit, _)| limit.contains(&format!("`{key}`"))))
        .collect();
    assert!(missing.is_empty(), "docs/LIMITS.md names no test at the limit of {missing:?}");
}

/// Comments around the generated table of keys in `docs/LIMITS.md`.
const KEYS_BEGIN: &str = "<!-- keys -->\n";
const KEYS_END: &str = "<!-- end of keys -->\n";

/// Returns the table of all numeric keys.
fn keys_table() -> String {
    let rows = settings().filter(|setting| setting.kind == SettingKind::Number);
    let rows = rows.map(|setting| {
        format!(
            "| `{}` | {} | {} |\n",
            setting.path,
            setting.default,
            setting.doc.get(pichat::types::Lang::En)
        )
    });
    format!(
        "| key | default | what it limits, and its range |\n| --- | --- | --- |\n{}",
        rows.collect::<String>()
    )
}

#[test]
fn manual_lists_each_numeric_key_with_default_and_range() {
    let document = evidence::read("docs/LIMITS.md");
    let (before, rest) = document.split_once(KEYS_BEGIN).expect("the comment before the table");
    let (table, after) = rest.split_once(KEYS_END).expect("the comment after the table");
    let wanted = keys_table();
    if std::env::var_os("PICHAT_TEST_BLESS").is_some() {
        let document = [before, KEYS_BEGIN, &wanted, KEYS_END, after].concat();
        std::fs::write(evidence::root().join("docs/LIMITS.md"), document).expect("writes");
        return;
    }
    assert_eq!(table, wanted, "run once with PICHAT_TEST_BLESS=1");
}

#[test]
fn limits_check_finds_each_planted_fault() {
    let document = "x\n## Tests at the limits\n\n| limit | test |\n| --- | --- |\n| `a` | `limits_boundaries::ring_keeps_the_configured_messages` |\n\
        | `b` | by hand |\n| `c` | `limits_boundaries::no_such_test` |\n";
    let rows = rows(document);
    assert_eq!(
        rows.iter().map(|(limit, tests)| (*limit, tests.len())).collect::<Vec<_>>(),
        [("`a`", 1), ("`b`", 0), ("`c`", 1)]
    );
    assert!(exists(rows[0].1[0]) && !exists(rows[2].1[0]));
}
