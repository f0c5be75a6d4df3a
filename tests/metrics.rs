//! `GET /api/metrics`: who may read it, in what form, and that the figures follow what happens.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::metrics::{figure, figures};
use common::server::eventually;
use common::{Client, Options, Server};
use serde_json::json;

const PATH: &str = "/api/metrics";

#[test]
fn figures_are_for_administrators_and_for_the_machine_itself() {
    let server = Server::demo();
    let here = Client::new(&server);
    assert_eq!(here.get(PATH).status, 200);
    assert_eq!(here.send("GET", PATH, &[("Host", "localhost")], b"").status, 200);
    for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "9.9.9.9"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", "9.9.9.9"),
        // What a forwarder without headers hands on names the device as others know it.
        ("Host", "pichat.local"),
        ("Host", "192.168.1.7"),
    ] {
        let from_elsewhere = |client: Client| client.send("GET", PATH, &[(name, value)], b"");
        let refused = from_elsewhere(here.clone());
        assert_eq!((refused.status, refused.code().as_str()), (401, "unauthenticated"), "{name}: {value}");
        for person in [Client::cliente(&server), Client::usuario(&server)] {
            let refused = from_elsewhere(person);
            assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "{name}: {value}");
        }
        assert_eq!(from_elsewhere(Client::admin(&server)).status, 200, "{name}: {value}");
    }
}

#[test]
fn a_trusted_proxy_on_the_machine_opens_it_to_the_machine_alone() {
    let server = Server::start(Options::config("[http]\ntrusted_proxies = [\"127.0.0.1\"]\n"));
    let through = |forwarded: &str| Client::new(&server).with("X-Forwarded-For", forwarded).get(PATH).status;
    assert_eq!((through("127.0.0.1"), through("::1")), (200, 200));
    for other in ["9.9.9.9", "127.0.0.1, 9.9.9.9", "9.9.9.9, 127.0.0.1", "unknown", "127.0.0.1:5"] {
        assert_eq!(through(other), 401, "{other}");
    }
}

#[test]
fn the_text_is_openmetrics_and_whole() {
    let server = Server::demo();
    let client = Client::new(&server);
    let answer = client.get(PATH);
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(client.send("HEAD", PATH, &[], b"").body.len(), 0);
    let figures = figures(&client);
    let want = "pichat_audit_dropped_total pichat_audit_waiting pichat_audit_waiting_limit pichat_build_info pichat_connections \
        pichat_deliveries_total pichat_files pichat_files_bytes pichat_files_listed_total pichat_files_waiting pichat_frames_dropped_total \
        pichat_hash_refused_total pichat_hash_running pichat_hash_running_limit pichat_hash_waiting pichat_hash_waiting_limit \
        pichat_messages_total pichat_outbound_bytes pichat_outbound_deepest pichat_outbound_frames pichat_rooms pichat_seats \
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
fn the_figures_follow_what_happens_and_name_nobody() {
    let server = Server::start(Options::config("[limits]\nmessage_burst = 3\nmessages_per_minute = 1\n"));
    let watcher = Client::new(&server);
    let (cliente, usuario, admin) = (Client::cliente(&server), Client::usuario(&server), Client::admin(&server));
    let mut sockets = [cliente.socket(), usuario.socket(), admin.socket()];
    for socket in &mut sockets {
        socket.enter("zafiro");
    }
    let [a, b, c] = &mut sockets;
    for _ in 0..3 {
        assert_eq!(a.say("zafiro", "texto-secreto")["type"], "sent");
    }
    assert_eq!(a.say("zafiro", "texto-secreto")["code"], "rate_limited");
    assert_eq!(c.ask(json!({"type": "leave", "room": "zafiro"}))["type"], "left");
    c.enter("topacio");
    assert_eq!(c.ask(json!({"type": "leave", "room": "topacio"}))["type"], "left");
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
        ("pichat_rooms{state=\"reserved\"}", 1),
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
    assert_eq!(figure(&watcher, "pichat_messages_total"), 3, "what was counted stays");
}

#[test]
fn refused_connections_are_counted_by_reason() {
    let server =
        Server::start(Options::config("[limits]\nconnections_per_address = 2\nconnections = 4\nrequest_burst = 100000\n"));
    let count = |reason: &str| {
        let sample = format!("pichat_refusals_total{{at=\"connection\",reason=\"{reason}\"}}");
        figure(&Client::new(&server).from(99), &sample)
    };
    let held: Vec<_> = [7, 7, 8, 8].map(|last| Client::new(&server).from(last).connect()).into();
    drop(Client::new(&server).from(7).connect());
    eventually("its address has two", || count("address") == 1);
    assert!(count("yielded") >= 1, "each look took the place of one that says nothing");
    drop(held);
}
