//! Accounts: sign-in and sign-out, sessions and their ends, passwords, the command line beside a running
//! server.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::path::Path;

use common::server::{eventually, user_command};
use common::{Client, Options, Server};
use serde_json::json;

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");

fn with_users(config: &str) -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::config(config) })
}

/// Starts `serve` on a folder that holds accounts already.
fn serve(dir: &Path, config: &str) -> Server {
    Server::start(Options { serve: true, ..Options::config(config).data_dir(dir) })
}

fn ana(server: &Server) -> Client {
    Client::signed_in(server, ANA.0, ANA.1)
}

fn beto(server: &Server) -> Client {
    Client::signed_in(server, BETO.0, BETO.1)
}

fn status(client: &Client) -> u16 {
    client.get("/api/session").status
}

#[test]
fn sign_in_by_json_returns_user_and_expiry() {
    let server = with_users("");
    let mut client = Client::new(&server);
    let anonymous = client.get("/api/session");
    assert_eq!((anonymous.status, anonymous.code().as_str()), (401, "unauthenticated"));
    let answer = client.sign_in(ANA.0, ANA.1);
    let mut body = answer.json();
    let expires = body.as_object_mut().and_then(|o| o.remove("expires_at")).expect("a time");
    assert_eq!(body, json!({"username": "ana", "role": "administrator", "remember": false}));
    assert!(
        expires.as_str().is_some_and(|t| t.len() == 24 && t.ends_with('Z') && t.contains('T')),
        "{expires}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let cookie = answer.session_cookie().expect("a cookie");
    let mut parts = cookie.split("; ");
    let token = parts
        .next()
        .and_then(|c| c.strip_prefix(&format!("{}=", server.cookie_name())))
        .expect("the name for plain HTTP");
    assert!(token.len() >= 43, "256 bits: {token}");
    let mut attributes: Vec<_> = parts.collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Strict"]);

    let again = client.get("/api/session").json();
    assert_eq!((&again["username"], &again["role"]), (&json!("ana"), &json!("administrator")));
    assert_ne!(ana(&server).cookie, client.cookie, "each session has its own token");
}

#[test]
fn wrong_password_and_unknown_name_get_one_answer() {
    let server = with_users("");
    let wrong = Client::new(&server).sign_in(ANA.0, "otra cosa");
    let unknown = Client::new(&server).sign_in("nadie", "otra cosa");
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "invalid_credentials"));
    assert_eq!(wrong.text(), unknown.text());
    assert_eq!(wrong.header("set-cookie"), None);
    let odd = Client::new(&server)
        .post_json("/api/session", &json!({"username": "ana", "password": ANA.1, "role": "x"}));
    assert_eq!(odd.code(), "bad_request");
}

#[test]
fn form_works_without_scripts() {
    let server = with_users("[limits]\nlogin_failures = 2");
    let client = Client::new(&server);
    let right = client.post_form("/login", "usuario=ana&clave=la+clave+de%20ana");
    assert_eq!((right.status, right.header("location")), (303, Some("/inicio")));
    let mut inside = client.clone();
    inside.cookie = right.session_cookie().and_then(|c| c.split(';').next()).map(str::to_owned);
    assert_eq!(inside.get("/inicio").status, 200);
    assert_eq!(inside.get("/").header("location"), Some("/inicio"));
    assert_eq!(client.get("/").header("location"), Some("/login"));

    let wrong = client.post_form("/login", "usuario=ana&clave=nada");
    assert_eq!((wrong.status, wrong.header("content-type")), (401, Some("text/html; charset=utf-8")));
    assert!(wrong.text().contains("El usuario o la contraseña no son correctos"), "the reason, in Spanish");
    assert!(
        wrong.text().contains("action=\"/login\"") && wrong.header("set-cookie").is_none(),
        "the form again"
    );
    let english = client.clone().with("Accept-Language", "en").post_form("/login", "usuario=ana&clave=nada");
    assert!(english.status == 401 && english.text().contains("Wrong user name or password"));

    let locked = client.post_form("/login", "usuario=ana&clave=la+clave+de+ana");
    assert_eq!(locked.status, 429);
    let wait: u32 = locked.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    assert!(locked.text().contains("action=\"/login\"") && locked.header("set-cookie").is_none());
    assert_eq!(client.post_form("/login", "usuario=ana").status, 400);
}

#[test]
fn sign_out_ends_the_session_and_its_sockets() {
    let server = with_users("");
    let (client, other) = (beto(&server), beto(&server));
    let mut socket = client.socket();
    let gone = client.delete("/api/session");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let emptied = format!("{}=;", server.cookie_name());
    assert!(
        gone.session_cookie().is_some_and(|c| c.starts_with(&emptied) && c.contains("Max-Age=0")),
        "{gone:?}"
    );
    assert_eq!(socket.close_code(), 4001);
    assert_eq!(status(&client), 401);
    assert_eq!(client.get("/inicio").header("location"), Some("/login?volver=/inicio"));
    assert_eq!(client.handshake(&[]).0.status, 401);
    assert_eq!(status(&other), 200, "the other session lives");

    let mut socket = other.socket();
    let gone = other.post_form("/logout", "");
    assert_eq!((gone.status, gone.header("location")), (303, Some("/login")));
    assert_eq!(socket.close_code(), 4001);
    assert_eq!(status(&other), 401);
}

#[test]
fn sessions_and_sign_outs_survive_every_kind_of_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server =
        Server::start(Options { users: vec![ANA, BETO], ..Options::default().data_dir(folder.path()) });
    let (mut stays, mut left) = (ana(&server), beto(&server));
    assert_eq!(left.delete("/api/session").status, 204);
    for end in ["KILL", "TERM", "KILL"] {
        server.signal(end);
        let ended = server.wait();
        assert_eq!(ended.code(), (end == "TERM").then_some(0));
        server = serve(folder.path(), "");
        stays.follow(&server);
        left.follow(&server);
        assert_eq!((status(&stays), status(&left)), (200, 401), "after SIG{end}");
    }
    // Server that is killed right after the answer.
    let mut last = beto(&server);
    server.kill();
    server = serve(folder.path(), "");
    last.follow(&server);
    assert_eq!(status(&last), 200);
}

#[test]
fn cookie_without_port_is_replaced_at_the_first_answer() {
    let server = with_users("");
    let client = ana(&server);
    let token = client.cookie.as_deref().and_then(|c| c.split_once('=')).expect("a cookie").1.to_owned();
    let name = server.cookie_name();
    let set = |client: &Client, method: &str, path: &str| -> Vec<String> {
        let answer = client.send(method, path, &[], b"");
        assert!(matches!(answer.status, 200 | 204), "{path}: {}", answer.status);
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.map(|(_, cookie)| cookie.split("; ").next().unwrap_or_default().to_owned()).collect()
    };
    let old = Client { cookie: Some(format!("pichat={token}")), ..client.clone() };
    for path in ["/api/session", "/chat"] {
        assert_eq!(set(&old, "GET", path), [format!("{name}={token}"), "pichat=".to_owned()], "{path}");
    }
    assert_eq!(set(&client, "GET", "/api/session"), [""; 0], "once is enough");
    let both =
        Client { cookie: Some(format!("pichat={}; {name}={token}", "0".repeat(64))), ..client.clone() };
    assert_eq!(set(&both, "GET", "/api/session"), [""; 0], "the old one may be another server's");
    // A socket opens with it; sign-out ends both.
    assert_eq!(old.handshake(&[]).0.status, 101);
    assert_eq!(set(&old, "DELETE", "/api/session"), [format!("{name}="), "pichat=".to_owned()]);
    assert_eq!(status(&old), 401);
}

#[test]
fn servers_on_one_host_keep_their_sessions_apart() {
    let (one, two) = (with_users(""), with_users(""));
    let (first, second) = (ana(&one), beto(&two));
    // A browser sends the cookies of both servers to each, also one that was planted under a current name.
    let cookies = [&first, &second].map(|client| client.cookie.clone().expect("a cookie"));
    let planted = format!("{}={}", one.cookie_name(), "0".repeat(64));
    let jar = Some(format!("{planted}; {}; {}", cookies[0], cookies[1]));
    let (first, second) = (Client { cookie: jar.clone(), ..first }, Client { cookie: jar, ..second });
    assert_eq!(
        (
            first.get("/api/session").json()["username"].clone(),
            second.get("/api/session").json()["username"].clone()
        ),
        (json!("ana"), json!("beto"))
    );
    assert_eq!(second.delete("/api/session").status, 204);
    assert_eq!((status(&first), status(&second)), (200, 401));
}

/// Waits for the next millisecond of the session clock.
fn tick() {
    std::thread::sleep(std::time::Duration::from_millis(3));
}

#[test]
fn longest_unused_session_is_evicted() {
    let server = with_users("[limits]\nsessions_per_user = 2\nsessions = 3");
    let first = beto(&server);
    tick();
    let second = beto(&server);
    let mut socket = second.socket();
    tick();
    assert_eq!(status(&first), 200);
    tick();
    let third = beto(&server);
    assert_eq!(socket.close_code(), 4001, "its socket ends with it");
    assert_eq!((status(&first), status(&second), status(&third)), (200, 401, 200));
    // Three sessions in total: ana's is the third, and her next one evicts the oldest of all.
    tick();
    let boss = ana(&server);
    tick();
    assert_eq!((status(&third), status(&boss)), (200, 200));
    tick();
    let boss_again = ana(&server);
    assert_eq!((status(&first), status(&third), status(&boss), status(&boss_again)), (401, 200, 200, 200));
}

#[test]
fn session_ends_when_idle_and_when_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server =
        Server::start(Options { users: vec![ANA, BETO], ..Options::default().data_dir(folder.path()) });
    let (mut unused, mut old) = (ana(&server), beto(&server));
    server.signal("TERM");
    server.wait();
    let db = rusqlite::Connection::open(folder.path().join("pichat.db")).expect("opens");
    let minute = 60_000;
    let back = |user: &str, column: &str, by: i64| {
        let sql = format!(
            "UPDATE sessions SET {column} = {column} - ?1 WHERE user_id = (SELECT id FROM users WHERE name = ?2)"
        );
        assert_eq!(db.execute(&sql, rusqlite::params![by, user]).expect("updates"), 1);
    };
    back("ana", "used_at", 119 * minute);
    back("beto", "created_at", (12 * 60 - 1) * minute);
    server = serve(folder.path(), "");
    unused.follow(&server);
    old.follow(&server);
    assert_eq!((status(&unused), status(&old)), (200, 200), "within the limits");
    server.signal("TERM");
    server.wait();
    back("ana", "used_at", 121 * minute);
    back("beto", "created_at", 2 * minute);
    server = serve(folder.path(), "");
    unused.follow(&server);
    old.follow(&server);
    assert_eq!((status(&unused), status(&old)), (401, 401), "past them");
}

#[test]
fn command_line_works_beside_a_running_server() {
    let server = with_users("");
    let dir = &server.data_dir;
    let run = |args: &[&str], stdin: &str| {
        let (status, out, err) = user_command(args, dir, stdin);
        assert_eq!(status.code(), Some(0), "{args:?}: {err}");
        out
    };
    run(&["add", "carla", "--role", "usuario"], "la clave de carla");
    let mut carla = Client::signed_in(&server, "carla", "la clave de carla");
    assert_eq!(carla.upload("a.txt", b"a").status, 403);

    run(&["role", "carla", "cliente"], "");
    eventually("her session ended with the role", || status(&carla) == 401);
    assert_eq!(carla.sign_in("carla", "la clave de carla").json()["role"], "cliente");
    assert_eq!(carla.upload("a.txt", b"a").status, 201);

    let mut socket = carla.socket();
    run(&["lock", "carla"], "");
    assert_eq!(socket.close_code(), 4001);
    eventually("her session ended with the lock", || status(&carla) == 401);
    let locked = carla.clone().sign_in("carla", "la clave de carla");
    assert!(matches!(locked.status, 401 | 403) && locked.header("set-cookie").is_none(), "{}", locked.text());
    assert_eq!(
        Client::new(&server).sign_in("carla", "otra cosa").code(),
        "invalid_credentials",
        "a stranger learns nothing"
    );
    let list = run(&["list"], "");
    let rows: Vec<Vec<&str>> = list.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [vec!["ana", "administrator"], vec!["beto", "cliente"], vec!["carla", "cliente", "bloqueada"]]
    );

    run(&["unlock", "carla"], "");
    assert_eq!(carla.sign_in("carla", "la clave de carla").status, 200);
    run(&["passwd", "carla"], "otra clave de carla");
    eventually("her session ended with the password", || status(&carla) == 401);
    assert_eq!(carla.clone().sign_in("carla", "la clave de carla").status, 401);
    assert_eq!(carla.sign_in("carla", "otra clave de carla").status, 200);
}

#[test]
fn sign_in_upgrades_the_hash_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let phc = || -> String {
        let db = rusqlite::Connection::open(folder.path().join("pichat.db")).expect("opens");
        db.query_row("SELECT password FROM users WHERE name = 'ana'", [], |row| row.get(0)).expect("is there")
    };
    let mut server =
        Server::start(Options { users: vec![ANA], ..Options::default().data_dir(folder.path()) });
    assert!(phc().contains("$m=19456,t=2,p=1$"), "{}", phc());
    let before = phc();
    ana(&server);
    server.signal("TERM");
    server.wait();
    assert_eq!(phc(), before, "nothing to do");
    let server = serve(folder.path(), "[accounts]\nargon2 = \"m=12288,t=3,p=1\"");
    assert_eq!(Client::new(&server).sign_in(ANA.0, "otra cosa").status, 401);
    assert_eq!(phc(), before, "a wrong password changes nothing");
    ana(&server);
    eventually("the new hash", || phc().starts_with("$argon2id$") && phc().contains("$m=12288,t=3,p=1$"));
    ana(&server);
}

#[test]
fn full_disk_does_not_block_sign_in() {
    let data = tempfile::tempdir().expect("a folder");
    drop(Server::start(Options::default().data_dir(data.path())));
    let options = Options { largest_file_kib: Some(128), ..Options::default() };
    let server = Server::start(options.data_dir(data.path()));
    let wal = || std::fs::metadata(data.path().join("pichat.db-wal")).map_or(0, |m| m.len());
    // Each sign-in adds some pages of 4 KiB to the log, until it may not grow further.
    let clients: Vec<_> = (0..40).map(|_| Client::usuario(&server)).collect();
    assert!(wal() <= 128 << 10);
    let last = clients.last().expect("some");
    assert_eq!(last.get("/api/session").status, 200);
    assert_eq!(last.get("/listar").status, 200);
    let database = rusqlite::Connection::open(data.path().join("pichat.db")).expect("opens");
    let stored: i64 =
        database.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).expect("counts");
    assert!(stored < 40, "the disk was not full: {stored} sessions were stored");
    assert_eq!(last.delete("/api/session").status, 204, "and out again");
    assert_eq!(last.get("/api/session").status, 401);
}
