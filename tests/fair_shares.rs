//! Fair shares: many users behind one address are served, and a greedy one is limited to its own share.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::http::{get_many, refused};
use common::server::add_user;
use common::socket::kept_alive;
use common::tls::Secure;
use common::{Client, Options, Server};
use serde_json::json;

const PASSWORD: &str = "una clave de prueba";

/// Starts a server with `count` more users, and shipped limits except for `config`.
fn office(count: usize, config: &str) -> (Server, Vec<Client>) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for n in 0..count {
        add_user(&data, &format!("persona{n}"), PASSWORD, "usuario");
    }
    let server = Server::start(Options { serve: true, ..Options::config(config) }.data_dir(&data));
    // Sign-ins have their own limits; this office arrives over a minute.
    let people = (0..count).map(|n| Client::signed_in(&server, &format!("persona{n}"), PASSWORD)).collect();
    // The folder lives as long as the server.
    std::mem::forget(folder);
    (server, people)
}

#[test]
fn sessions_and_strangers_have_separate_buckets() {
    let server = Server::start(Options::config("[limits]\nrequests_per_minute = 1\nrequest_burst = 20\n"));
    let [ana, beto, stranger] = [Client::cliente(&server), Client::usuario(&server), Client::new(&server)];
    assert_eq!(refused(&get_many(&ana, "/api/session", 30)), 10);
    assert_eq!(refused(&get_many(&beto, "/api/session", 20)), 0, "another session of the same address");
    let before = get_many(&stranger, "/api/health", 25);
    assert!((5..25).contains(&refused(&before)), "the sign-ins counted too: {before:?}");
    let mut forged = stranger.clone();
    forged.cookie = Some(format!("{}={}", server.cookie_name(), "0".repeat(64)));
    assert_eq!(
        refused(&get_many(&forged, "/api/health", 5)),
        5,
        "a cookie of no live session is a stranger's"
    );
    assert_eq!(refused(&get_many(&stranger, "/static/css/base.css", 100)), 0, "static files count apart");
    server.wait_for_line("event=request.rate_limited");
}

#[test]
fn static_files_have_a_bucket_of_their_own() {
    let server = Server::demo();
    let stranger = Client::new(&server);
    let began = Instant::now();
    let statuses = get_many(&stranger, "/static/css/base.css", 2400);
    let allowed = 2000 + began.elapsed().as_secs() * 100 + 100;
    assert!(refused(&statuses[..2000]) == 0, "the burst");
    let passed = (statuses.len() - refused(&statuses)) as u64;
    assert!(passed <= allowed, "{passed} of {allowed}");
}

#[test]
fn flood_of_one_session_spares_others_of_its_address() {
    let server = Server::demo();
    let (flood, other) = (Client::cliente(&server), Client::usuario(&server));
    let statuses = get_many(&flood, "/api/session", 2600);
    assert!(refused(&statuses) > 2000, "more than all that the address may at once");
    assert_eq!(other.get("/api/session").status, 200);
    assert_eq!(Client::new(&server).sign_in("admin", "admin123").status, 200);
}

#[test]
fn address_has_a_total_for_all_its_sessions() {
    let server = Server::start(Options::config(
        "[limits]\nrequests_per_minute = 100\nrequest_burst = 100000\nsessions_per_user = 64\n",
    ));
    let client = Client::cliente(&server);
    // The total is ten times the burst of one, and at least 6,000 a minute and 2,000 at once.
    let statuses = get_many(&client, "/api/session", 2500);
    assert_eq!(refused(&statuses), 0, "as much as an operator let one session do");
}

/// Opens silent connections until one is refused; returns the number that stayed open.
fn idle_connections(client: &Client, most: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    while held.len() < most {
        let mut stream = client.connect();
        stream.set_read_timeout(Some(Duration::from_millis(40))).expect("sets");
        match stream.read(&mut [0]) {
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                held.push(stream);
            }
            _ => break,
        }
    }
    held
}

#[test]
fn strangers_cannot_exhaust_the_members_of_an_address() {
    let server = Server::start(Options::config("[limits]\nconnections_per_address = 8\n"));
    let client = Client::cliente(&server);
    // Twelve sockets of users exceed the address's eight, which count idle connections only.
    let mut sockets: Vec<_> = (0..6).map(|_| client.socket()).collect();
    let other = Client::usuario(&server);
    sockets.extend((0..6).map(|_| other.socket()));
    let strangers = idle_connections(&Client::new(&server), 20);
    assert_eq!(strangers.len(), 8, "strangers have all eight although twelve people's are open");
    server.wait_for_line("event=connection.refused");
    for socket in &mut sockets {
        assert_eq!(socket.request(json!({"type": "leave", "room": "ajena"}))["code"], "not_member");
    }
    drop(strangers);
    common::server::eventually("places come back", || {
        Client::new(&server).try_send("GET", "/api/health", &[], b"").is_ok()
    });
}

#[test]
fn trusted_proxy_is_exempt_from_address_limits() {
    let config = "[http]\ntrusted_proxies = [\"127.0.0.1\"]\n[limits]\nconnections_per_address = 4\nrequest_burst = 20\nrequests_per_minute = 1\n";
    let server = Server::start(Options::config(config));
    let through = |addr: &str| Client::new(&server).with("X-Forwarded-For", addr);
    let held = idle_connections(&through("10.0.0.1"), 12);
    assert_eq!(held.len(), 12, "its connections are those of many");
    assert_eq!(
        refused(&get_many(&through("10.0.0.7"), "/api/health", 30)),
        10,
        "each client behind it has an own figure"
    );
    assert_eq!(refused(&get_many(&through("10.0.0.8"), "/api/health", 20)), 0);
}

#[test]
fn user_has_at_most_sixteen_rooms() {
    let server = Server::start(Options::config("[limits]\njoins_per_minute = 1000\n"));
    let (ana, beto) = (Client::cliente(&server), Client::usuario(&server));
    let mut sockets = [ana.socket(), ana.socket(), Client::cliente(&server).socket()];
    for n in 0..16 {
        sockets[n % 2].join_default(&format!("ana{n}"));
    }
    for socket in &mut sockets {
        assert_eq!(
            socket.join("otra", "secreta", "group")["code"],
            "too_many_rooms",
            "from whatever session"
        );
    }
    let mut other = beto.socket();
    other.join_default("de-beto");
    sockets[2].join_default("de-beto");
    assert_eq!(sockets[0].request(json!({"type": "leave", "room": "ana0"}))["type"], "left");
    assert_eq!(sockets[0].join_default("otra")["created"], true, "the other one ended with its last member");
    other.join_default("ana1");
}

#[test]
fn user_has_at_most_a_quarter_of_the_store() {
    let server = Server::start(Options::config("[files]\nmax_total_mib = 4\nkeep_free_percent = 0\n"));
    let (ana, admin) = (Client::cliente(&server), Client::admin(&server));
    let half = vec![7; 600 * 1024];
    let kept = ana.upload("uno.bin", &half);
    assert_eq!(kept.status, 201, "{}", kept.text());
    let refusal = ana.upload("dos.bin", &half);
    assert_eq!((refusal.status, refusal.code().as_str()), (507, "quota_exceeded"), "{}", refusal.text());
    assert!(
        refusal.json()["detail"].as_str().is_some_and(|detail| detail.contains("1 MB")),
        "{}",
        refusal.text()
    );
    assert_eq!(ana.upload("tres.bin", &half[..200 * 1024]).status, 201, "what fits still fits");
    assert_eq!(admin.upload("cuatro.bin", &half).status, 201, "others have their own");
    let id = kept.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(admin.delete(&format!("/api/files/{id}")).status, 204);
    assert_eq!(ana.upload("cinco.bin", &half).status, 201, "a deletion frees quota");
}

#[test]
fn lowered_file_share_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::config("[files]\nuser_files = 10\nkeep_free_percent = 0\n")
        .data_dir(&folder.path().join("data"));
    let mut server = Server::start(options.clone());
    let ana = Client::cliente(&server);
    for n in 0..10 {
        assert_eq!(ana.upload(&format!("{n}.txt"), b"x").status, 201);
    }
    let refusal = ana.upload("11.txt", b"x");
    assert_eq!((refusal.status, refusal.code().as_str()), (507, "quota_exceeded"));
    server.signal("TERM");
    assert!(server.wait().success());
    let server = Server::start(options);
    assert_eq!(Client::cliente(&server).upload("11.txt", b"x").status, 507, "counted again from the records");
    assert_eq!(Client::admin(&server).upload("12.txt", b"x").status, 201);
}

#[test]
fn ranges_of_one_download_cost_one() {
    let server = Server::start(Options::config(
        "[files]\nkeep_free_percent = 0\n[limits]\ndownloads_per_minute = 1\ndownload_burst = 2\n",
    ));
    let client = Client::cliente(&server);
    let upload = |name: &str| {
        let stored = client.upload(name, &[b'x'; 64 * 1024]);
        format!("/api/files/{}/content", stored.json()["id"].as_str().expect("an id"))
    };
    let (one, two) = (upload("uno.txt"), upload("dos.txt"));
    let part = |path: &str, from: usize| {
        client.send("GET", path, &[("Range", &format!("bytes={from}-"))], b"").status
    };
    assert_eq!(client.send("HEAD", &one, &[], b"").status, 200);
    assert_eq!(client.get(&one).status, 200);
    assert!((0..16).all(|n| part(&one, n * 4096) == 206), "sixteen parts of a file that was counted");
    assert_eq!(part(&two, 1), 206, "the second and last token");
    assert_eq!(part(&two, 2), 206);
    assert_eq!(client.get(&two).status, 429, "a whole one counts each time");
    assert_eq!(Client::usuario(&server).get(&two).status, 200);
}

#[test]
fn dead_sockets_yield_to_returning_tabs() {
    let server = Server::start(Options::config("[limits]\nsockets_per_session = 12\n"));
    let client = Client::cliente(&server);
    // Twelve tabs on a dead network: open, but not read.
    let dead: Vec<_> = (0..12).map(|_| client.socket()).collect();
    std::thread::sleep(Duration::from_millis(2100));
    let began = Instant::now();
    let tabs: Vec<_> = (0..12)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || client.socket())
        })
        .collect();
    let mut tabs: Vec<_> = tabs.into_iter().map(|tab| tab.join().expect("opens")).collect();
    for tab in &mut tabs {
        assert_eq!(
            tab.request(json!({"type": "leave", "room": "ajena"}))["code"],
            "not_member",
            "it is a socket like any other"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(dead);
    let live: Vec<_> = tabs.into_iter().map(kept_alive).collect();
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(client.socket().close_code(), 4008, "where all answer, the newcomer is told");
    assert!(live.iter().all(|tab| !tab.is_finished()));
    server.signal("TERM");
    assert!(live.into_iter().all(|tab| tab.join().expect("ends") == 1001));
}

#[test]
fn twelve_restored_tabs_enter_all_their_rooms_again() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let mut first = client.socket();
    let rooms: Vec<_> = (0..16).map(|n| format!("sala{n}")).collect();
    for room in &rooms {
        first.join_default(room);
    }
    first.abort();
    for _ in 0..12 {
        let mut tab = client.socket();
        for room in &rooms {
            let joined = tab.request(json!({"type": "enter", "room": room, "since": 0}));
            assert_eq!(joined["type"], "joined", "{room}: {joined}");
        }
        std::mem::forget(tab);
    }
}

#[test]
fn entries_past_their_burst_wait_and_never_close_the_socket() {
    let server = Server::demo();
    let mut socket = Client::cliente(&server).socket();
    socket.join_default("sala");
    let mut refused = 0;
    for _ in 0..500 {
        let answer = socket.request(json!({"type": "enter", "room": "sala", "since": 0}));
        match answer["code"].as_str() {
            None => {}
            Some("rate_limited") => {
                refused += 1;
                assert!(answer["retry_after"].as_u64().is_some_and(|wait| wait >= 1), "{answer}");
            }
            Some(other) => panic!("{other}: {answer}"),
        }
    }
    assert!(refused > 121 && 500 - refused >= 256, "past the burst of 256: {refused}");
    assert_eq!(socket.send_message("sala", "sigo")["type"], "sent", "they never count to flooding");
}

#[test]
fn limits_are_shown_to_signed_in_users() {
    let server = Server::start(Options::config("[limits]\nrooms_per_user = 3\n"));
    assert_eq!(Client::new(&server).get("/api/limits").status, 401);
    let shown = Client::usuario(&server).get("/api/limits").json();
    assert_eq!(shown["rooms_per_user"], 3, "those in force");
    let rate = |per_minute: u32, burst: u32| json!({"per_minute": per_minute, "burst": burst});
    for (key, value) in [
        ("file_bytes", json!(16 * 1024 * 1024)),
        ("message_chars", json!(4000)),
        ("room_code_chars", json!(20)),
        ("rooms_per_socket", json!(16)),
        ("sockets_per_session", json!(16)),
        ("wipe_minutes", json!(60)),
        ("uploads", rate(5, 60)),
        ("downloads", rate(10, 120)),
        ("deletes", rate(5, 200)),
        ("user_bytes", json!(512 * 1024 * 1024)),
        ("user_files", json!(2500)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
}

/// Requests of a browser that signs in and opens the chat: 53 over 7 connections, a room, a message.
fn opens_the_chat(client: &Client, room: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.extend(get_many(client, "/static/css/base.css", 5));
        statuses.extend(get_many(client, "/api/session", 4));
    }
    let mut socket = client.socket();
    socket.join_default(room);
    assert_eq!(socket.send_message(room, "hola")["type"], "sent");
    statuses
}

#[test]
fn office_behind_one_address_opens_the_chat_at_once() {
    const PEOPLE: usize = 10;
    // By the limit of failures alone ten users may sign in per minute from an address; successes are free.
    let (server, people) = office(PEOPLE, "");
    let opened: Vec<_> = people
        .iter()
        .cloned()
        .map(|person| std::thread::spawn(move || opens_the_chat(&person, "oficina")))
        .collect();
    for person in opened {
        let statuses = person.join().expect("no request is refused");
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
    assert!(!server.stderr().contains("rate_limited"), "{}", server.stderr());
}

#[test]
fn handshakes_of_one_address_have_a_rate() {
    let secure = Secure::start(Options::default());
    let mut connections = 0;
    while !secure.server.stderr().contains("reason=handshakes") {
        // Each connection counts from its acceptance.
        for _ in 0..50 {
            drop(TcpStream::connect(secure.server.addr).expect("the kernel accepts"));
        }
        connections += 50;
        assert!(connections < 20_000, "never refused");
    }
    assert!(connections >= 600, "the burst of a class that comes at once: {connections}");
}
