//! Limits on sign-ins: many users behind one address, floods, distributed guessing, device cookies.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::Instant;

use common::server::{eventually, user_command};
use common::{Client, Options, Response, Server, TRUSTING};
use serde_json::json;

const PASSWORD: &str = "la clave de todos";
/// Settings under which an address may fail as often as a test needs.
const NO_RATE: &str = "[limits]\nlogins_per_minute = 1000000\nlogin_failures = 1000000\n";

/// Starts a server with that many users, `persona0` and on, with one password.
fn with_people(people: usize, config: &str) -> Server {
    let server =
        Server::start(Options { users: vec![("persona0", PASSWORD, "cliente")], ..Options::config(config) });
    let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    for n in 1..people {
        let copy = "INSERT INTO users (name, name_key, role, password, created_at)
                    SELECT ?1, ?1, role, password, created_at FROM users WHERE name = 'persona0'";
        db.execute(copy, [format!("persona{n}")]).expect("inserts");
    }
    server
}

/// Signs in concurrently, each with its own name and password; counts the answers by status.
fn at_once(people: &[(Client, String, &str)]) -> BTreeMap<u16, usize> {
    statuses(people).into_iter().fold(BTreeMap::new(), |mut counts, status| {
        *counts.entry(status).or_default() += 1;
        counts
    })
}

/// Signs in concurrently; returns the status of each answer.
fn statuses(people: &[(Client, String, &str)]) -> Vec<u16> {
    let start = Barrier::new(people.len());
    std::thread::scope(|scope| {
        let start = &start;
        let signing = people.iter().map(|(client, name, password)| {
            let mut client = client.clone();
            scope.spawn(move || {
                start.wait();
                client.sign_in(name, password).status
            })
        });
        let signing: Vec<_> = signing.collect();
        signing.into_iter().map(|thread| thread.join().expect("answers")).collect()
    })
}

fn person(server: &Server, n: usize) -> (Client, String, &'static str) {
    (Client::new(server), format!("persona{n}"), PASSWORD)
}

/// Returns the device cookie of an answer, as a browser would send it.
fn device_of(answer: &Response) -> String {
    let line = answer.device_cookie().expect("a device cookie");
    line.split(';').next().expect("a pair").to_owned()
}

fn with_device(server: &Server, device: &str, last: u8) -> Client {
    Client { cookie: Some(device.to_owned()), ..Client::new(server).behind(last) }
}

/// Uses up the hourly attempts of the name `cliente`.
fn guess_from_everywhere(server: &Server) {
    let stranger = || (Client::new(server).behind(200), "cliente".to_owned(), "adivino");
    let wrong = |server: &Server| server.stderr().matches("event=login.failed").count();
    let before = wrong(server);
    // A volley of concurrent attempts: an answer in a row of fifty is slower, but not by its position.
    for round in 1..=5 {
        let counts = at_once(&(0..20).map(|_| stranger()).collect::<Vec<_>>());
        assert_eq!(counts, BTreeMap::from([(401, 20)]));
        eventually("all are in the log", || wrong(server) == before + round * 20);
    }
    use_up(server);
}

/// Uses up the attempts that have become available since, one each 36 s.
fn use_up(server: &Server) {
    let mut wrong =
        std::iter::repeat_with(|| Client::new(server).behind(201).sign_in("cliente", "adivino").status);
    assert!(wrong.by_ref().take(10).any(|status| status == 429), "no throttle");
}

#[test]
fn sixty_people_behind_one_address_sign_in_at_once() {
    let server = with_people(60, "");
    let people: Vec<_> = (0..60).map(|n| person(&server, n)).collect();
    assert_eq!(at_once(&people), BTreeMap::from([(200, 60)]));
}

#[test]
fn flood_of_one_name_leaves_the_others_of_its_address_places() {
    let server = with_people(30, "");
    let flood = (0..120).map(|_| (Client::new(&server), "nadie".to_owned(), "adivino"));
    let all: Vec<_> = flood.chain((0..30).map(|n| person(&server, n))).collect();
    let statuses = statuses(&all);
    assert_eq!(statuses[120..], [200; 30], "{statuses:?}");
    assert!(statuses[..120].iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
}

#[test]
fn forty_right_passwords_of_one_name_succeed() {
    let server = with_people(1, "");
    let same: Vec<_> = (0..40).map(|_| person(&server, 0)).collect();
    assert_eq!(at_once(&same), BTreeMap::from([(200, 40)]));
}

#[test]
fn flood_of_wrong_passwords_gets_few_verdicts() {
    let server = with_people(1, TRUSTING);
    let begin = Instant::now();
    let flood: Vec<_> =
        (0..300).map(|n| (Client::new(&server).behind(9), format!("nadie{n}"), "adivino")).collect();
    let counts = at_once(&flood);
    let refill = usize::try_from(begin.elapsed().as_secs() / 6 + 1).expect("small");
    let verdicts = counts.get(&401).copied().unwrap_or_default();
    assert!((10..=10 + refill).contains(&verdicts), "{counts:?}");
    assert!(counts.keys().all(|status| [401, 429, 503].contains(status)), "{counts:?}");
    assert!(
        counts.get(&429).copied().unwrap_or_default() >= 50,
        "those who waited are told when to come again: {counts:?}"
    );
    assert_eq!(server.stderr().matches("event=login.failed").count(), verdicts);
    assert_eq!(server.stderr().matches("event=login.rate_limited").count(), 1, "one line for the flood");
    let (mut client, name, password) = person(&server, 0);
    assert_eq!(client.sign_in(&name, password).status, 200, "another address is not concerned");
}

#[test]
fn wrong_passwords_of_one_pair_at_once_have_five_verdicts() {
    let server = Server::demo();
    let pair: Vec<_> = (0..40).map(|_| (Client::new(&server), "cliente".to_owned(), "adivino")).collect();
    assert_eq!(at_once(&pair), BTreeMap::from([(401, 5), (429, 35)]));
    assert_eq!(Client::new(&server).sign_in("cliente", "cliente123").code(), "locked_out");
}

#[test]
fn device_cookie_is_set_before_the_session_cookie() {
    let server = Server::demo();
    let answer = Client::new(&server).sign_in("cliente", "cliente123");
    let lines: Vec<_> =
        answer.headers.iter().filter(|(k, _)| k == "set-cookie").map(|(_, v)| v.as_str()).collect();
    let [device, session] = lines[..] else { panic!("{lines:?}") };
    assert!(session.starts_with(&format!("{}=", server.cookie_name())), "{session}");
    assert!(device.starts_with(&format!("pichat-device-{}=", server.addr.port())), "{device}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=31536000"] {
        assert!(device.split("; ").any(|part| part == attribute), "{attribute}: {device}");
    }
    assert!(!device.contains("Secure") && !device.contains("cliente"), "{device}");
    let form = Client::new(&server).post_form("/login", "usuario=cliente&clave=cliente123");
    assert!(form.status == 303 && form.device_cookie().is_some());

    let opened = |cookie: &str| {
        Client { cookie: Some(cookie.to_owned()), ..Client::new(&server) }.get("/api/session").status
    };
    assert_eq!(opened(&device_of(&answer)), 401, "it opens nothing");
    let value = device_of(&answer).split_once('=').expect("a pair").1.to_owned();
    assert_eq!(opened(&format!("{}={value}", server.cookie_name())), 401);
    assert!(Client::new(&server).sign_in("cliente", "nada").device_cookie().is_none());
}

#[test]
fn throttled_name_accepts_known_devices_only() {
    let server = Server::start(Options::config(&format!("{TRUSTING}{NO_RATE}")));
    let device = device_of(&Client::new(&server).behind(1).sign_in("cliente", "cliente123"));
    guess_from_everywhere(&server);

    let stranger = || Client::new(&server).behind(3).sign_in("cliente", "cliente123");
    let refused = stranger();
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=36).contains(&wait), "{wait}");
    assert_eq!(stranger().status, 429);
    server.wait_for_line("event=login.name_throttled result=refused user=\"cliente\" addr=10.0.0.");
    let lines = server.stderr().matches("event=login.name_throttled").count();
    assert!((1..=2).contains(&lines), "the first of a minute: {lines}");

    assert_eq!(
        with_device(&server, &device, 4).sign_in("cliente", "cliente123").status,
        200,
        "a device that signed in"
    );
    assert_eq!(
        Client::new(&server).behind(1).sign_in("cliente", "cliente123").status,
        200,
        "an address that signed in"
    );
    use_up(&server);
    assert_eq!(stranger().status, 429, "their successes make no stranger heard");
    assert_eq!(
        with_device(&server, &device, 3).sign_in("usuario", "nada").status,
        401,
        "other names are not concerned"
    );
}

#[test]
fn reset_ends_device_cookies_and_own_change_does_not() {
    let server = Server::start(Options {
        users: vec![("cliente", "la clave de antes", "cliente")],
        ..Options::config(&format!("{TRUSTING}{NO_RATE}"))
    });
    let mut browser = Client::new(&server).behind(1);
    let device = device_of(&browser.sign_in("cliente", "la clave de antes"));
    let change = json!({"current": "la clave de antes", "new": "la clave de ahora"});
    assert_eq!(browser.post_json("/api/password", &change).status, 204);
    guess_from_everywhere(&server);
    assert_eq!(
        with_device(&server, &device, 4).sign_in("cliente", "la clave de ahora").status,
        200,
        "an own new password"
    );
    let (status, _, err) = user_command(&["passwd", "cliente"], &server.data_dir, "la clave de despues");
    assert!(status.success(), "{err}");
    use_up(&server);
    let refused = with_device(&server, &device, 5).sign_in("cliente", "la clave de despues");
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert!(!server.stderr().contains("event=device.forged"), "it is this server's own");
}

#[test]
fn stranger_of_one_address_cannot_lock_a_device_out() {
    let server = Server::demo();
    let device = device_of(&Client::new(&server).sign_in("cliente", "cliente123"));
    for _ in 0..5 {
        assert_eq!(Client::new(&server).sign_in("cliente", "adivino").status, 401);
    }
    assert_eq!(Client::new(&server).sign_in("cliente", "cliente123").code(), "locked_out");
    let mut own = Client { cookie: Some(device), ..Client::new(&server) };
    let heard = own.sign_in("cliente", "cliente123");
    assert_eq!(heard.status, 200, "{}", heard.text());
    assert!(heard.device_cookie().is_some());
    assert_eq!(
        Client::new(&server).sign_in("cliente", "cliente123").code(),
        "locked_out",
        "their lock stays theirs"
    );
}

#[test]
fn live_session_may_change_its_password_while_strangers_guess() {
    let server = Server::demo();
    let own = Client::cliente(&server);
    for _ in 0..5 {
        assert_eq!(Client::new(&server).sign_in("cliente", "adivino").status, 401);
    }
    let change = json!({"current": "cliente123", "new": "una clave nueva y larga"});
    assert_eq!(own.post_json("/api/password", &change).status, 204);
}

#[test]
fn forged_device_cookie_is_ignored() {
    let server = Server::demo();
    let device = device_of(&Client::new(&server).sign_in("cliente", "cliente123"));
    let last = if device.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{last}", &device[..device.len() - 1]);
    for _ in 0..5 {
        assert_eq!(Client::new(&server).sign_in("cliente", "adivino").status, 401);
    }
    for cookie in [
        forged.as_str(),
        &format!("{}a", device),
        &format!("pichat-device-{}={}", server.addr.port(), "f".repeat(5000)),
    ] {
        let mut stranger = Client { cookie: Some(cookie.to_owned()), ..Client::new(&server) };
        assert_eq!(stranger.sign_in("cliente", "cliente123").code(), "locked_out", "{cookie}");
    }
    server.wait_for_line("event=device.forged result=refused addr=127.0.0.1");
    assert_eq!(server.stderr().matches("event=device.forged").count(), 1, "the first of a minute");
    let counted = common::metrics::figure(
        &Client::admin(&server),
        "pichat_refusals_total{at=\"sign_in\",reason=\"forged_device\"}",
    );
    assert_eq!(counted, 3);
}
