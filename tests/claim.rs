//! Claim of the device: the code on the device works once and is gone afterwards.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::time::Duration;

use common::server::{add_user, eventually};
use common::{Client, Options, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Starts a server without accounts; returns it with the folder of its state for the console.
fn unclaimed(data_dir: Option<&Path>) -> (Server, TempDir) {
    let run = tempfile::tempdir().unwrap();
    let mut options =
        Options { serve: true, ..Options::default() }.env("RUNTIME_DIRECTORY", run.path().to_str().unwrap());
    options.data_dir = data_dir.map(Path::to_owned);
    (Server::start(options), run)
}

fn code(run: &TempDir) -> String {
    std::fs::read_to_string(run.path().join("claim")).unwrap().trim().to_owned()
}

fn status(run: &TempDir) -> Value {
    serde_json::from_slice(&std::fs::read(run.path().join("status.json")).unwrap()).unwrap()
}

fn claim(client: &Client, code: &str, name: &str, password: &str) -> common::Response {
    client.post_json("/api/claim", &json!({"code": code, "username": name, "password": password}))
}

#[test]
fn unclaimed_device_redirects_to_the_claim() {
    let (server, run) = unclaimed(None);
    let client = Client::new(&server);
    for page in ["/", "/login", "/inicio", "/chat", "/listar", "/subir", "/no-hay"] {
        let answer = client.get(page);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/activar")), "{page}");
    }
    for address in ["/activar", "/reclamar"] {
        assert_eq!(client.get(address).status, 200, "{address}");
    }
    assert_eq!(client.get("/api/files").status, 401, "the API speaks of sessions as ever");
    let code = code(&run);
    assert_eq!(code.len(), 15);
    assert_eq!(status(&run)["claim"], json!({"kind": "first", "code": code}));

    let done = claim(&client, &code.to_lowercase().replace('-', " "), "Ana", "clave-larga-de-ana");
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!((&done.json()["username"], &done.json()["role"]), (&json!("Ana"), &json!("administrator")));
    let cookie = done.session_cookie().and_then(|c| c.split(';').next()).map(str::to_owned);
    assert_eq!(Client { cookie, ..client }.get("/inicio").status, 200, "and is signed in");
    let stranger = Client::new(&server);
    assert_eq!(stranger.get("/").header("location"), Some("/login"));
    assert_eq!(stranger.get("/reclamar").header("location"), Some("/login"));
    let again = claim(&stranger, &code, "eva", "clave-larga-de-eva");
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("not_claimable")));
    eventually("the code is gone from the console and the card", || {
        !run.path().join("claim").exists() && status(&run)["claim"].is_null()
    });
    server.wait_for_line("event=claim.opened result=ok kind=first");
    server.wait_for_line("event=claim.done result=ok user=\"Ana\" addr=127.0.0.1 kind=first");
    for secret in [code.as_str(), "clave-larga"] {
        assert!(!server.stderr().contains(secret) && !server.banner.contains(secret), "no secret in a log");
    }
}

#[test]
fn form_works_without_scripts() {
    let (server, run) = unclaimed(None);
    let code = code(&run);
    let client = Client::new(&server);
    let form = |fields: &str| client.post_form("/reclamar", fields);
    let differ =
        form(&format!("codigo={code}&usuario=ana&clave=una-clave-larga&clave_otra_vez=otra-clave-larga"));
    assert_eq!(differ.status, 422);
    assert!(differ.text().contains("Las dos contraseñas no son iguales"), "{}", differ.text());
    assert!(differ.text().contains(&format!("name=\"codigo\" value=\"{code}\"")), "the input stays");
    let wrong =
        form("codigo=0000-0000-00000&usuario=ana&clave=una-clave-larga&clave_otra_vez=una-clave-larga");
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("Ese código no es correcto"), "{}", wrong.text());
    assert!(!wrong.text().contains("una-clave-larga"));
    let weak = form(&format!("codigo={code}&usuario=ana&clave=corta&clave_otra_vez=corta"));
    assert_eq!(weak.status, 422);
    let name =
        form(&format!("codigo={code}&usuario=ana+p&clave=una-clave-larga&clave_otra_vez=una-clave-larga"));
    assert_eq!(name.status, 422, "and the code is still good:");
    let done =
        form(&format!("codigo={code}&usuario=ana&clave=una-clave-larga&clave_otra_vez=una-clave-larga"));
    assert_eq!((done.status, done.header("location")), (303, Some("/inicio")));
    assert!(
        done.session_cookie().is_some_and(|c| c.contains(&server.cookie_name()) && c.contains("HttpOnly"))
    );
}

#[test]
fn wrong_codes_are_limited_and_foreign_origins_refused() {
    let (server, run) = unclaimed(None);
    let client = Client::new(&server);
    let crossed = client
        .clone()
        .with("Origin", "http://evil.example")
        .post_form("/reclamar", &format!("codigo={}", code(&run)));
    assert_eq!(crossed.status, 403);
    // A code of 65 bits needs no lock: after five wrong ones the right one is accepted.
    let wrong = || claim(&client, "0000-0000-00000", "eva", "clave-larga-de-eva");
    let statuses: Vec<_> = (0..10).map(|_| wrong().status).collect();
    assert_eq!(statuses, [403; 10]);
    // Ten attempts a minute, one each 6 s.
    let limited = (0..10).map(|_| wrong()).find(|answer| answer.status == 429).expect("a rate");
    assert_eq!(limited.code(), "rate_limited");
    let wait: u64 = limited.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=6).contains(&wait), "{wait}");
    server.wait_for_line("event=claim.failed result=failed addr=127.0.0.1 reason=wrong_code");
    assert!(!server.stderr().contains("event=login.locked_out"));
    let device = std::iter::repeat_with(|| claim(&client, &code(&run), "eva", "clave-larga-de-eva"))
        .inspect(|_| std::thread::sleep(Duration::from_millis(200)))
        .take(100)
        .find(|answer| answer.status == 201)
        .expect("claimed once the rate lets it");
    assert!(device.device_cookie().is_some_and(|line| line.starts_with("pichat-device-")), "{device:?}");
}

#[test]
fn concurrent_claims_make_one_administrator() {
    let (server, run) = unclaimed(None);
    let code = code(&run);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..6)
            .map(|i| {
                let (server, code) = (&server, &code);
                scope.spawn(move || {
                    claim(&Client::new(server), code, &format!("ana{i}"), "una-clave-larga").status
                })
            })
            .collect();
        claims.into_iter().map(|c| c.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|s| matches!(s, 201 | 409)), "{statuses:?}");
}

#[test]
fn claim_code_survives_restart_and_kill() {
    let data = tempfile::tempdir().unwrap();
    let (mut server, run) = unclaimed(Some(data.path()));
    let first = code(&run);
    server.kill();
    let (server, run) = unclaimed(Some(data.path()));
    assert_eq!(code(&run), first, "a noted code stays valid");
    assert_eq!(claim(&Client::new(&server), &first, "ana", "una-clave-larga").status, 201);
    drop(server);
    let (server, run) = unclaimed(Some(data.path()));
    assert!(!run.path().join("claim").exists());
    assert_eq!(Client::new(&server).get("/reclamar").header("location"), Some("/login"));
}

#[test]
fn account_made_by_command_ends_the_first_claim() {
    let (server, run) = unclaimed(None);
    add_user(&server.data_dir, "ana", "una-clave-larga", "administrator");
    eventually("the claim is over", || !run.path().join("claim").exists());
    assert_eq!(Client::new(&server).get("/").header("location"), Some("/login"));
}

#[test]
fn card_may_carry_the_first_administrators_hash() {
    let phc =
        "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0";
    let config = format!("[claim]\nadmin_name = \"jefa\"\nadmin_password_hash = \"{phc}\"\n");
    let run = tempfile::tempdir().unwrap();
    let options = Options { serve: true, ..Options::config(&config) }
        .env("RUNTIME_DIRECTORY", run.path().to_str().unwrap());
    let server = Server::start(options);
    assert!(!run.path().join("claim").exists() && status(&run)["claim"].is_null());
    let mut jefa = Client::new(&server);
    let answer = jefa.sign_in("jefa", "admin123");
    assert_eq!((answer.status, &answer.json()["role"]), (200, &json!("administrator")));
    server.wait_for_line("event=user.added result=ok user=\"jefa\" role=administrator by=settings");
    assert!(!server.stderr().contains("argon2id"));
}

#[test]
fn reclaim_makes_an_administrator_and_ends_sessions() {
    let data = tempfile::tempdir().unwrap();
    add_user(data.path(), "ana", "olvidada-del-todo", "administrator");
    add_user(data.path(), "beto", "la-clave-de-beto", "cliente");
    std::fs::write(data.path().join("reclaim"), "").unwrap();
    let (server, run) = unclaimed(Some(data.path()));
    assert!(!data.path().join("reclaim").exists(), "asked once");
    assert_eq!(status(&run)["claim"]["kind"], "again");
    let mut beto = Client::new(&server);
    assert_eq!(beto.get("/").header("location"), Some("/login"), "people go on signing in");
    assert_eq!(beto.sign_in("beto", "la-clave-de-beto").status, 200);
    assert_eq!(beto.get("/reclamar").status, 200);
    let mut socket = beto.socket();
    let ana = Client::new(&server);
    assert_eq!(claim(&ana, &code(&run), "ana", "una-clave-nueva").status, 201);
    assert_eq!(Client::new(&server).sign_in("ana", "olvidada-del-todo").status, 401);
    assert_eq!(Client::new(&server).sign_in("ana", "una-clave-nueva").status, 200);
    assert_eq!(
        beto.get("/inicio").header("location"),
        Some("/login?volver=/inicio"),
        "nothing that was signed in outlives the claim"
    );
    assert_eq!(socket.close_frame(), (4001, "reset".to_owned()));
    assert_eq!(beto.sign_in("beto", "la-clave-de-beto").status, 200, "and the accounts stay");
    server.wait_for_line("event=session.ended result=ok user=\"beto\" reason=claimed");
    server.wait_for_line("event=claim.done result=ok user=\"ana\" addr=127.0.0.1 kind=again");
}

/// Runs `pichat claim …` on a folder; returns standard output and standard error.
fn claim_command(data: &Path, args: &[&str]) -> (String, String) {
    let mut command = common::server::pichat_command();
    command.arg("claim").args(args).arg("--data-dir").arg(data).env("PICHAT_AUDIT_SYSLOG", "stderr");
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn ask_again(data: &Path) {
    std::fs::write(data.join("reclaim"), "").unwrap();
}

#[test]
fn each_reclaim_has_a_new_code() {
    let data = tempfile::tempdir().unwrap();
    let (server, run) = unclaimed(Some(data.path()));
    let first = code(&run);
    add_user(data.path(), "ana", "una-clave-larga", "administrator");
    eventually("the first claim is over", || !run.path().join("claim").exists());
    drop(server);
    let mut codes = vec![first];
    for _ in 0..2 {
        ask_again(data.path());
        let (server, run) = unclaimed(Some(data.path()));
        let fresh = code(&run);
        assert!(!codes.contains(&fresh), "a code of before");
        for old in &codes {
            assert_eq!(claim(&Client::new(&server), old, "eva", "clave-larga-de-eva").status, 403, "{old}");
        }
        codes.push(fresh);
    }
}

#[test]
fn any_account_retires_the_first_code() {
    let phc =
        "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0";
    let settings = Options::config(&format!("[claim]\nadmin_password_hash = \"{phc}\"\n"));
    for options in [settings, Options::default().env("ADMIN_PASS", "una clave de entrada")] {
        let data = tempfile::tempdir().unwrap();
        drop(unclaimed(Some(data.path())));
        let rows = || -> i64 {
            let db = rusqlite::Connection::open(data.path().join("pichat.db")).unwrap();
            db.query_row("SELECT count(*) FROM claim", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(rows(), 1);
        drop(Server::start(Options { serve: true, ..options.data_dir(data.path()) }));
        assert_eq!(rows(), 0, "the row is gone, not only hidden");
    }
}

#[test]
fn claim_close_ends_a_reclaim_at_once() {
    let data = tempfile::tempdir().unwrap();
    add_user(data.path(), "ana", "una-clave-larga", "administrator");
    assert!(claim_command(data.path(), &[]).0.contains("PiChat no espera una activación"));
    ask_again(data.path());
    let (server, run) = unclaimed(Some(data.path()));
    let code = code(&run);
    let (shown, _) = claim_command(data.path(), &["show"]);
    assert!(shown.contains("pichat claim close") && !shown.contains(&code), "{shown}");
    let (said, log) = claim_command(data.path(), &["close"]);
    assert!(said.contains("Activación cerrada"), "{said}");
    assert!(
        log.contains("event=claim.closed result=ok kind=again by=\"command:")
            || log.contains("kind=again by=command:"),
        "{log}"
    );
    let client = Client::new(&server);
    // Effective at once, visible on the pages within a second.
    assert_eq!(claim(&client, &code, "eva", "clave-larga-de-eva").status, 409);
    eventually("the page is gone", || client.get("/reclamar").header("location") == Some("/login"));
    eventually("and the code on the console", || !run.path().join("claim").exists());
    assert!(claim_command(data.path(), &["close"]).0.contains("PiChat no espera una activación"));
}

#[test]
fn reclaim_lapses_after_a_day_over_restarts() {
    let data = tempfile::tempdir().unwrap();
    add_user(data.path(), "ana", "una-clave-larga", "administrator");
    ask_again(data.path());
    let (server, run) = unclaimed(Some(data.path()));
    let first = code(&run);
    drop(server);
    let aged = |millis: i64| {
        let db = rusqlite::Connection::open(data.path().join("pichat.db")).unwrap();
        assert_eq!(db.execute("UPDATE claim SET opened_at = opened_at - ?1", [millis]).unwrap(), 1);
    };
    aged(23 * 3_600_000);
    let (server, run) = unclaimed(Some(data.path()));
    assert_eq!(code(&run), first, "within the day");
    drop(server);
    // Opened an hour in the future: the clock went back by an unknown time.
    aged(-24 * 3_600_000);
    let (server, run) = unclaimed(Some(data.path()));
    assert!(!run.path().join("claim").exists());
    assert_eq!(Client::new(&server).get("/reclamar").header("location"), Some("/login"));
    assert_eq!(claim(&Client::new(&server), &first, "eva", "clave-larga-de-eva").status, 409);
    server.wait_for_line("event=claim.lapsed result=ok kind=again");
}
