//! `GET /api/metrics`: access, format, and figures that follow events.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::Write as _;
use std::net::TcpStream;

use common::http::read_response;
use common::metrics::{figure, figures, metrics_token, read, watcher};
use common::server::{eventually, pichat_command};
use common::{Client, Options, Server};
use serde_json::json;

const PATH: &str = "/api/metrics";

#[test]
fn metrics_are_for_administrators_and_the_token() {
    let server = Server::start(Options::config("[http]\ntrusted_proxies = [\"127.0.0.9\"]\n"));
    let refused = |client: &Client, what: &str| {
        let answer = client.get(PATH);
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{what}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
    };
    let bearer = |client: Client, token: &str| client.with("Authorization", &format!("Bearer {token}"));
    let here = Client::new(&server);
    for (name, value) in [("Host", "localhost"), ("Host", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.1")] {
        refused(&here.clone().with(name, value), "the place it comes from counts for nothing");
        refused(&here.clone().from(9).with(name, value), "nor what a trusted proxy says");
    }
    refused(&bearer(here.clone(), &"0".repeat(64)), "there is no token yet");

    let token = metrics_token(&server);
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()), "256 bits: {token}");
    let watcher = bearer(here.clone(), &token);
    assert_eq!(watcher.get(PATH).status, 200);
    assert_eq!(watcher.clone().from(7).with("Host", "pichat.local").get(PATH).status, 200, "from anywhere");
    for (path, method) in
        [("/api/session", "GET"), ("/api/files", "GET"), ("/api/rooms", "GET"), ("/api/session", "DELETE")]
    {
        assert_eq!(watcher.send(method, path, &[], b"").status, 401, "{path}: it opens nothing else");
    }
    let flipped = if token.ends_with('0') { "1" } else { "0" };
    for wrong in [
        "",
        "x",
        &token[1..],
        &format!("{}{flipped}", &token[..63]),
        &format!("{token}0"),
        &token.to_uppercase(),
    ] {
        refused(&bearer(here.clone(), wrong), wrong);
        refused(&bearer(Client::admin(&server), wrong), "a cookie does not make a wrong token good");
    }
    assert_eq!(Client::admin(&server).get(PATH).status, 200);
    assert_eq!(
        Client::admin(&server).with("Authorization", "Basic eDp5").get(PATH).status,
        200,
        "a proxy's affair"
    );
    for person in [Client::cliente(&server), Client::usuario(&server)] {
        let answer = person.get(PATH);
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
        assert_eq!(bearer(person, &token).get(PATH).status, 200);
    }

    let newer = metrics_token(&server);
    assert_ne!(newer, token);
    refused(&watcher, "the newer token has taken its place");
    let watcher = bearer(here, &newer);
    assert_eq!(watcher.get(PATH).status, 200);
    let off = || {
        pichat_command()
            .args(["metrics-token", "--off", "--data-dir"])
            .arg(&server.data_dir)
            .env("PICHAT_AUDIT_SYSLOG", "stderr")
            .output()
    };
    let removed = off().expect("runs");
    assert!(String::from_utf8_lossy(&removed.stderr).contains("event=metrics.token_removed"), "{removed:?}");
    assert!(!String::from_utf8_lossy(&off().expect("runs").stderr).contains("event="), "there was none");
    refused(&watcher, "removed");

    let log = server.stderr();
    let database = std::fs::read(server.data_dir.join("pichat.db")).expect("reads");
    let wal = std::fs::read(server.data_dir.join("pichat.db-wal")).unwrap_or_default();
    for secret in [&token, &newer] {
        assert!(!log.contains(secret.as_str()), "a token is not logged");
        let kept = [&database, &wal]
            .into_iter()
            .any(|bytes| bytes.windows(64).any(|part| part == secret.as_bytes()));
        assert!(!kept, "only its SHA-256 is kept");
    }
}

#[test]
fn setting_the_token_is_audited_with_who_did_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = pichat_command()
        .args(["metrics-token", "--data-dir"])
        .arg(folder.path())
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .output();
    let made = made.expect("runs");
    let (token, said) = (String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
    let line = said.lines().find(|line| line.contains("event=metrics.token_set")).expect("a line");
    assert!(line.contains("by=command:"), "{line}");
    assert!(!said.contains(token.trim()), "the token is on standard output alone");
}

#[test]
fn metrics_token_guesses_are_rate_limited() {
    let server = Server::start(Options::config("[limits]\nrequests_per_minute = 1\nrequest_burst = 5\n"));
    // A session has its own bucket.
    let admin = Client::admin(&server);
    let guess =
        || Client::new(&server).with("Authorization", &format!("Bearer {}", "5".repeat(64))).get(PATH).status;
    let statuses: Vec<_> = (0..12).map(|_| guess()).collect();
    assert_eq!((statuses[0], statuses[11]), (401, 429), "{statuses:?}");
    let refused = statuses.iter().filter(|status| **status == 401).count() as u64;
    assert_eq!(figure(&admin, "pichat_refusals_total{at=\"http\",reason=\"unauthenticated\"}"), refused);
}

#[test]
fn metrics_are_valid_openmetrics() {
    let server = Server::demo();
    let client = watcher(&server);
    let answer = client.get(PATH);
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(client.send("HEAD", PATH, &[], b"").body.len(), 0);
    let figures = figures(&client);
    let want = "pichat_audit_dropped_total pichat_audit_waiting pichat_audit_waiting_limit pichat_build_info pichat_chat_memory_bytes \
        pichat_connections pichat_deliveries_total pichat_files pichat_files_bytes pichat_files_listed_total pichat_files_waiting pichat_frames_dropped_total \
        pichat_hash_refused_total pichat_hash_running pichat_hash_running_limit pichat_hash_waiting pichat_hash_waiting_limit \
        pichat_members pichat_messages_total pichat_outbound_bytes pichat_outbound_deepest pichat_outbound_frames pichat_rooms pichat_seats \
        pichat_sessions pichat_sockets pichat_sockets_too_slow_total process_open_fds process_resident_memory_bytes \
        process_start_time_seconds";
    let mut names: Vec<_> = figures.keys().filter_map(|sample| sample.split('{').next()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, want.split_whitespace().collect::<Vec<_>>());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    assert!(now.abs_diff(figures["process_start_time_seconds"]) < 60);
    let resident = server.rss_kib("VmRSS") * 1024;
    assert!((resident / 2..resident * 2).contains(&figures["process_resident_memory_bytes"]));
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("is running").count() as u64;
    assert!(figures["process_open_fds"].abs_diff(files) < 6, "{files}");
}

#[test]
fn metrics_follow_events_without_user_names() {
    let server = Server::start(Options::config("[limits]\nmessage_burst = 3\nmessages_per_minute = 1\n"));
    let watcher = watcher(&server);
    let (cliente, usuario, admin) =
        (Client::cliente(&server), Client::usuario(&server), Client::admin(&server));
    let mut sockets = [cliente.socket(), usuario.socket(), admin.socket()];
    for socket in &mut sockets {
        socket.join_default("zafiro");
    }
    let [a, b, c] = &mut sockets;
    for _ in 0..3 {
        assert_eq!(a.send_message("zafiro", "texto-secreto")["type"], "sent");
    }
    assert_eq!(a.send_message("zafiro", "texto-secreto")["code"], "rate_limited");
    assert_eq!(c.request(json!({"type": "leave", "room": "zafiro"}))["type"], "left");
    c.join_default("topacio");
    assert_eq!(c.request(json!({"type": "leave", "room": "topacio"}))["type"], "left");
    assert_eq!(b.join("zafiro", "equivocada", "group")["code"], "wrong_password");
    assert_eq!(Client::new(&server).from(9).sign_in("nadie", "nada").status, 401);
    assert_eq!(cliente.upload("acta.txt", b"0123456789").status, 201);
    assert_eq!(usuario.upload("acta.txt", b"x").status, 403);

    let seen = figures(&watcher);
    let of = |sample: &str| seen.get(sample).copied().unwrap_or_default();
    for (sample, want) in [
        ("pichat_sockets", 3),
        ("pichat_sessions", 3),
        ("pichat_rooms{state=\"occupied\"}", 1),
        ("pichat_rooms{state=\"quiet\"}", 0),
        ("pichat_members", 2),
        ("pichat_seats", 2),
        ("pichat_messages_total", 3),
        ("pichat_deliveries_total", 9),
        ("pichat_files", 1),
        ("pichat_files_bytes", 10),
        ("pichat_files_waiting", 0),
        ("pichat_refusals_total{at=\"rate\",reason=\"messages\"}", 1),
        ("pichat_refusals_total{at=\"socket\",reason=\"rate_limited\"}", 1),
        ("pichat_refusals_total{at=\"socket\",reason=\"wrong_password\"}", 1),
        ("pichat_refusals_total{at=\"sign_in\",reason=\"wrong\"}", 1),
        ("pichat_refusals_total{at=\"http\",reason=\"invalid_credentials\"}", 1),
        ("pichat_refusals_total{at=\"http\",reason=\"forbidden\"}", 1),
        ("pichat_hash_waiting_limit{pool=\"accounts\"}", 64),
        ("pichat_hash_running_limit{pool=\"rooms\"}", 1),
        ("pichat_audit_waiting_limit", 4096),
        ("pichat_audit_dropped_total", 0),
    ] {
        assert_eq!(of(sample), want, "{sample}");
    }
    assert!(of("pichat_connections") >= 4, "three sockets and this request");
    let text = watcher.get(PATH).text();
    for name in ["cliente", "usuario", "admin", "nadie", "zafiro", "topacio", "texto", "acta", "127.0.0"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    drop(sockets);
    eventually("the sockets are gone", || figure(&watcher, "pichat_sockets") == 0);
    assert_eq!(figure(&watcher, "pichat_messages_total"), 3, "counters keep their values");
}

#[test]
fn refused_connections_are_counted_by_reason() {
    let server = Server::start(Options::config("[limits]\nconnections_per_address = 2\nconnections = 4\n"));
    let people = [Client::admin(&server), Client::cliente(&server), Client::usuario(&server)];
    // A kept connection that has served a user counts for that user.
    let ask = |client: &Client, stream: &mut TcpStream, path: &str| {
        stream.write_all(format!("{}\r\n", client.head("GET", path, &[])).as_bytes()).expect("writes");
        read_response(stream, false).expect("an answer").text()
    };
    let mut inside = people[0].connect();
    let mut figure =
        |sample: &str| read(&ask(&people[0], &mut inside, PATH)).get(sample).copied().unwrap_or_default();
    let of = |reason: &str| format!("pichat_refusals_total{{at=\"connection\",reason=\"{reason}\"}}");
    eventually("this one is the only one", || figure("pichat_connections") == 1);
    let stranger = Client::new(&server);
    let held = [stranger.connect(), stranger.connect()];
    drop(stranger.connect());
    eventually("its address has two", || figure(&of("address")) == 1);
    drop(held);
    eventually("they are gone", || figure("pichat_connections") == 1);
    let _working: Vec<_> = people[1..]
        .iter()
        .map(|person| {
            let mut stream = person.connect();
            assert!(ask(person, &mut stream, "/api/session").contains("username"));
            stream
        })
        .collect();
    let _strangers = [stranger.connect(), stranger.connect()];
    eventually("the second took the place of the first", || figure(&of("yielded")) == 1);
}
