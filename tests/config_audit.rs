//! Settings, reload by SIGHUP, legacy environment variables, and the content of the log.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use common::server::{eventually, pichat_command};
use common::{Client, Options, Server};
use serde_json::json;

fn run(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        pichat_command().args(args).envs(env.iter().copied()).output().expect("the binary starts");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn check_accepts_the_example_and_locates_faults() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pichat.example.toml");
    let (code, said) = run(&["check", example], &[]);
    assert_eq!(code, Some(0), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pichat.toml");
    let path = file.display().to_string();
    for (text, place, word) in [
        ("[limits]\n\nrums = 3\n", ":3:1: ", "limits.rooms"),
        ("[limits]\nrooms = 3000\n", ":2:9: ", "1024"),
        ("[limits]\nrooms = \"tres\"\n", ":2:9: ", "limits.rooms"),
        ("[limites]\n", ":1:2: ", "limites"),
        ("data_dir = \".\"\n[http\n", ":2:", ""),
        ("[accounts]\nargon2 = \"m=1024,t=1,p=1\"\n", ":2:10: ", "argon2"),
        ("[http]\nlisten = \"pichat\"\n", ":2:10: ", "listen"),
        ("[limits]\nrooms = 1\nrooms = 2\n", ":3:1: ", ""),
    ] {
        std::fs::write(&file, text).expect("writes");
        for args in [&["check", &path][..], &["demo", "--listen", "127.0.0.1:0", "--config", &path]] {
            let (code, said) = run(args, &[]);
            assert_eq!(code, Some(78), "{text:?}: {said}");
            assert!(said.contains(&format!("{path}{place}")) && said.contains(word), "{text:?}: {said}");
        }
    }
    let (code, said) = run(&["check", "/no/such/file.toml"], &[]);
    assert!(code == Some(78) && said.contains("/no/such/file.toml"), "{said}");
    std::fs::write(&file, "").expect("writes");
    assert_eq!(run(&["check", &path], &[]).0, Some(0), "an empty file is all defaults");
}

/// Writes other settings and waits for the reload.
fn reload(server: &Server, settings: &str, event: &str) -> String {
    let lines =
        || server.stderr().lines().filter(|line| line.contains(event)).map(str::to_owned).collect::<Vec<_>>();
    let before = lines().len();
    std::fs::write(server.config_file(), settings).expect("writes");
    server.signal("HUP");
    eventually(event, || lines().len() > before);
    lines().pop().expect("a line")
}

#[test]
fn sighup_applies_reloadable_settings() {
    let server = Server::start(Options::config("[limits]\nmessage_chars = 10"));
    let client = Client::cliente(&server);
    let mut socket = client.socket();
    socket.join_default("SALA");
    assert_eq!(socket.send_message("SALA", &"x".repeat(11))["code"], "too_long");
    let named =
        |path: &str| Client::new(&server).send("GET", path, &[("Host", "chat.oficina.lan")], b"").status;
    assert_eq!((named("/api/health"), client.upload("a", &vec![b'x'; 2_000_000]).status), (421, 201));

    let settings = "[limits]\nmessage_chars = 20\nmessages_per_minute = 1000\n[files]\nmax_file_mib = 1\n[http]\nhosts = [\"chat.oficina.lan\"]\n";
    let line = reload(
        &server,
        &format!("{settings}[accounts]\nargon2 = \"m=12288,t=3,p=1\""),
        "event=server.reloaded",
    );
    let (changed, restart) = line.split_once(" restart=").expect("the keys that need a restart");
    assert!(
        ["http.hosts", "limits.message_chars", "files.max_file_mib"].iter().all(|key| changed.contains(key)),
        "{line}"
    );
    assert!(!changed.contains("argon2") && restart.contains("accounts.argon2"), "{line}");
    assert_eq!(socket.send_message("SALA", &"x".repeat(20))["type"], "sent", "an open socket, too");
    assert_eq!(socket.send_message("SALA", &"x".repeat(21))["code"], "too_long");
    assert_eq!((named("/api/health"), client.upload("a", &vec![b'x'; 2_000_000]).status), (200, 413));

    let line = reload(&server, "[limits]\nmessage_chars = 20\nrums = 3\n", "event=config.rejected");
    assert!(line.contains("result=refused") && line.contains(":3:1"), "{line}");
    assert_eq!(
        (named("/api/health"), socket.send_message("SALA", &"x".repeat(20))["type"].clone()),
        (200, json!("sent")),
        "the old ones hold"
    );
    reload(&server, "", "event=server.reloaded");
    assert_eq!(
        (named("/api/health"), client.get("/api/session").status),
        (421, 200),
        "defaults again, and sessions stay"
    );
}

/// Socket of a syslog daemon, with the received lines.
struct Syslog {
    _folder: tempfile::TempDir,
    path: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Syslog {
    fn listen() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log").display().to_string();
        let socket = UnixDatagram::bind(&path).expect("binds");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(n) = socket.recv(&mut buffer) {
                into.lock().expect("no panic").push(String::from_utf8(buffer[..n].to_vec()).expect("UTF-8"));
            }
        });
        Self { _folder: folder, path, lines }
    }

    fn all(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    fn wait(&self, text: &str) -> String {
        let find = || self.all().into_iter().find(|line| line.contains(text));
        eventually(text, || find().is_some());
        find().expect("was there")
    }
}

/// Returns the fields of a logfmt line; panics on a malformed one.
fn fields(line: &str) -> Vec<(String, String)> {
    let mut rest = &line[line.find("event=").expect("an event")..];
    let mut all = Vec::new();
    while let Some((key, value)) = rest.split_once('=') {
        assert!(
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{key:?} in {line}"
        );
        let end = if let Some(quoted) = value.strip_prefix('"') {
            let mut escaped = false;
            let close = quoted.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            close.expect("the quote is closed") + 2
        } else {
            value.find(' ').unwrap_or(value.len())
        };
        all.push((key.to_owned(), value[..end].to_owned()));
        rest = value[end..].strip_prefix(' ').unwrap_or_default();
    }
    assert_eq!(rest, "", "{line}");
    all
}

#[test]
fn log_names_actors_and_no_secrets() {
    let log = Syslog::listen();
    let mut server = Server::start(Options::default().env("PICHAT_AUDIT_SYSLOG", &log.path));
    assert_eq!(Client::new(&server).sign_in("cliente", "SECRETO-clave").status, 401);
    assert_eq!(Client::new(&server).sign_in("SECRETO-en-el-nombre", "x").status, 401);
    let client = Client::cliente(&server);
    let post = |body| client.post_json("/api/password", &body).status;
    assert_eq!(post(json!({"current": "SECRETO-vieja", "new": "SECRETO-nueva"})), 401);
    assert_eq!(post(json!({"current": "cliente123", "new": "SECRETO"})), 422);
    let mut socket = client.socket();
    socket.join("SALA", "SECRETO-de-sala", "group");
    assert_eq!(socket.send_message("SALA", "SECRETO-de-charla")["type"], "sent");
    assert_eq!(
        Client::usuario(&server).socket().join("SALA", "SECRETO-mala", "group")["code"],
        "wrong_password"
    );
    assert_eq!(Client::admin(&server).socket().join("SALA", "SECRETO-de-sala", "group")["type"], "joined");
    let stored = client.upload("acta.txt", b"SECRETO-contenido");
    assert_eq!(client.get(&format!("{}/content", stored.header("location").expect("a place"))).status, 200);
    assert_eq!(client.upload("", b"SECRETO-contenido").status / 100, 4);
    assert_eq!(client.get("/nada?clave=SECRETO-url").status, 404);
    assert_eq!(
        client.delete(&format!("{}?t=SECRETO-url", stored.header("location").expect("a place"))).status,
        403
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    log.wait("event=server.stopped");

    let failed = log.wait("event=login.failed");
    let pri: u32 = failed
        .strip_prefix('<')
        .and_then(|l| l.split_once('>'))
        .and_then(|(n, _)| n.parse().ok())
        .expect("RFC 3164");
    assert!((80..=87).contains(&pri), "authpriv: {failed}");
    assert!(
        failed.contains("result=failed user=\"cliente\" addr=127.0.0.1 reason=wrong_password"),
        "{failed}"
    );
    assert!(log.wait("reason=unknown_user").contains("user=unknown "), "an unknown name is never written");
    let started = log.wait("event=server.started");
    assert!((24..=31).any(|pri| started.starts_with(&format!("<{pri}>"))), "daemon: {started}");
    for event in [
        "login.ok",
        "password.refused",
        "socket.opened",
        "room.created",
        "room.joined",
        "room.wrong_password",
        "file.uploaded",
        "file.downloaded",
        "file.refused",
        "access.denied",
        "socket.closed",
        "server.stopping",
    ] {
        let line = log.wait(&format!("event={event} "));
        let keys: Vec<_> = fields(&line).into_iter().map(|(key, _)| key).collect();
        assert!(
            ["event", "result", "at", "mono"].iter().all(|key| keys.iter().filter(|k| k == key).count() == 1),
            "{line}"
        );
        let tag = line.split("event=").next().expect("a head");
        assert!(tag.contains("pichat") && tag.ends_with(": "), "{line}");
    }
    let everything =
        log.all().join("\n") + &server.stderr() + &server.banner.replace("cliente / cliente123", "");
    let token = client.cookie.as_deref().and_then(|c| c.split('=').nth(1)).expect("a token");
    for secret in ["SECRETO", "cliente123", token] {
        assert!(!everything.contains(secret), "{secret} was written: {everything}");
    }
    assert!(!server.stderr().contains("event="), "what syslog takes goes nowhere else: {}", server.stderr());
}

#[test]
fn audit_lines_cannot_be_forged() {
    let log = Syslog::listen();
    let server = Server::start(Options::default().env("PICHAT_AUDIT_SYSLOG", &log.path));
    let forged = "event=login.ok result=ok user=\"admin\" addr=6.6.6.6";
    for name in [
        format!("cliente\n<86>pichat: {forged}"),
        format!("cliente\" {forged}"),
        format!("x\u{2028}{forged}"),
    ] {
        assert_eq!(Client::new(&server).sign_in(&name, "x").status, 401);
    }
    let client = Client::cliente(&server);
    for name in
        [format!("a\u{2028}{forged}.txt"), format!("a {forged} \u{202e}b.txt"), "a\tb\u{85}c.txt".to_owned()]
    {
        assert_eq!(client.upload(&name.replace('"', "%22"), b"x").status, 201, "{name}");
    }
    assert_eq!(client.delete("/api/files/x%0a%3C86%3Eevent=login.ok%20user=%22admin%22").status, 403);
    assert_eq!(
        client.send("DELETE", "/api/files/x", &[("Origin", &format!("http://x\" {forged}"))], b"").status,
        403
    );
    assert_eq!(client.send("GET", "/", &[("Host", "evil.example")], b"").status, 421);
    assert!(matches!(
        client.send("GET", "/", &[("Host", &format!("evil\" {forged}"))], b"").status,
        400 | 421
    ));
    log.wait("event=request.misdirected");
    for line in log.all() {
        let text = line.trim_end_matches(['\n', '\0']);
        assert!(
            !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')),
            "one line: {line:?}"
        );
        let fields = fields(text);
        assert_eq!(fields.iter().filter(|(key, _)| key == "event").count(), 1, "{line}");
        assert!(!fields.iter().any(|(key, value)| key == "addr" && value == "6.6.6.6"), "{line}");
        let who = ("user".to_owned(), "\"cliente\"".to_owned());
        assert!(fields[0].1 != "login.ok" || fields.contains(&who), "{line}");
    }
}

#[test]
fn legacy_variables_still_work() {
    let mut child = pichat_command()
        .args(["demo"])
        .envs([
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("PICHAT_AUDIT_SYSLOG", "stderr"),
            ("LOG_LEVEL", "WARNING"),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut line).expect("reads");
    let _ = child.kill();
    let _ = child.wait();
    assert!(
        line.contains("http://127.0.0.1:") && !line.contains(":8080") && !line.contains(":0\n"),
        "{line}"
    );

    let options = Options::config("[limits]\nlogin_failures = 50\nrooms = 50\nuploads_per_minute = 50")
        .env("MAX_LOGIN_ATTEMPTS", "2")
        .env("LOGIN_LOCKOUT_TIME", "60")
        .env("RATE_LIMIT_UPLOAD", "1 per minute")
        .env("RATE_LIMIT_DOWNLOAD", "1")
        .env("RATE_LIMIT_DELETE", "1/minute")
        .env("PICHAT_LIMITS_ROOMS", "1")
        .env("ALLOWED_ORIGINS", "http://intranet.example");
    let server = Server::start(options);
    let admin = Client::admin(&server);
    let stored = admin.upload("a", b"a");
    let place = stored.header("location").expect("a place").to_owned();
    assert_eq!(admin.upload("b", b"b").status, 429, "the environment beats the file");
    let content = || admin.get(&format!("{place}/content")).status;
    assert_eq!((content(), content()), (200, 429));
    assert_eq!((admin.delete(&place).status, admin.delete(&place).status), (204, 429));
    let mut guesser = Client::new(&server);
    let wrong = || Client::new(&server).sign_in("cliente", "nada").status;
    assert_eq!((wrong(), wrong()), (401, 401));
    let locked = guesser.sign_in("cliente", "cliente123");
    assert_eq!(locked.code(), "locked_out");
    assert!(locked.json()["retry_after"].as_u64().is_some_and(|s| s <= 60), "{}", locked.text());
    let mut socket = admin.socket();
    socket.join_default("UNA");
    assert_eq!(socket.join("DOS", "secreta", "group")["code"], "too_many_rooms");
    let answer = admin.send("GET", "/api/health", &[("Origin", "http://intranet.example")], b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://intranet.example"));

    let few = Server::start(
        Options::default().env("RATE_LIMIT_LOGIN", "2 per minute").env("MAX_LOGIN_ATTEMPTS", "100"),
    );
    let mut answers = (0..20).map(|_| Client::new(&few).sign_in("cliente", "nada").status);
    assert!(answers.position(|status| status == 429).is_some_and(|n| n >= 2), "two failures a minute");
}

#[test]
fn refused_variables_and_keys_are_not_repeated() {
    for (name, value, shown) in [
        ("PORT", "99999", true),
        ("HOST", "nada", true),
        ("RATE_LIMIT_UPLOAD", "5 per hour", true),
        ("PICHAT_LIMITS_ROMS", "3", false),
        ("PICHAT_LIMITS_ROOMS", "muchas", false),
        ("SECRET_KEY", "a-very-short-secret", false),
    ] {
        let (code, said) = run(&["demo", "--listen", "127.0.0.1:0"], &[(name, value)]);
        assert_eq!(code, Some(78), "{name}: {said}");
        assert!(said.contains(name) && (shown || !said.contains(&format!("\"{value}\""))), "{name}: {said}");
        assert!(name != "SECRET_KEY" || !said.contains(value), "{said}");
    }
    let server = Server::demo();
    let folder = std::fs::metadata(&server.data_dir).expect("is there").permissions().mode();
    let key = std::fs::metadata(server.data_dir.join("secret.key"))
        .expect("one is made at the first start")
        .permissions()
        .mode();
    assert_eq!((folder & 0o777, key & 0o777), (0o700, 0o600));
}
