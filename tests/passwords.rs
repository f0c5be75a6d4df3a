//! Life of a password: rules, one-time passwords, changes, and the limits until a change.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::path::Path;

use common::http::multipart;
use common::server::{eventually, user_command};
use common::{Client, Options, Response, Server, TRUSTING};
use serde_json::json;

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");
const OWN: &str = "cuatro palabras sin orden";

fn with_users() -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::config(TRUSTING) })
}

/// Runs `pichat user …`, which must succeed, and returns its output.
fn user(dir: &Path, args: &[&str], stdin: &str) -> String {
    let (status, out, err) = user_command(args, dir, stdin);
    assert_eq!(status.code(), Some(0), "{args:?}: {err}");
    out
}

/// Returns the one-time password in the output of a command.
fn one_time(out: &str) -> String {
    let line = out.lines().find_map(|line| line.strip_prefix("Contraseña temporal: "));
    line.unwrap_or_else(|| panic!("none in {out}")).to_owned()
}

/// Starts a server with the account `carla`; returns it with her one-time password and her signed-in client.
fn given() -> (Server, String, Client) {
    given_on(with_users())
}

fn given_on(server: Server) -> (Server, String, Client) {
    let password =
        one_time(&user(&server.data_dir, &["add", "carla", "--role", "cliente", "--one-time"], ""));
    let carla = Client::signed_in(&server, "carla", &password);
    (server, password, carla)
}

fn change(client: &Client, current: &str, new: &str) -> Response {
    client.post_json("/api/password", &json!({"current": current, "new": new}))
}

/// Changes the password, which must succeed, and continues with the new token.
fn changed(client: &mut Client, current: &str, new: &str) {
    let answer = change(client, current, new);
    assert_eq!(answer.status, 204, "{new}: {}", answer.text());
    client.take_cookie(&answer);
}

fn form(current: &str, new: &str, again: &str) -> String {
    let plus = |text: &str| text.replace(' ', "+");
    format!("clave_actual={}&clave_nueva={}&clave_otra_vez={}", plus(current), plus(new), plus(again))
}

fn sql(dir: &Path, statement: &str) -> usize {
    rusqlite::Connection::open(dir.join("pichat.db")).expect("opens").execute(statement, []).expect("works")
}

#[test]
fn refused_password_names_the_broken_rule() {
    let server = with_users();
    let mut beto = Client::signed_in(&server, BETO.0, BETO.1);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let long = "x".repeat(129);
    let device = format!("{host}-12345678");
    for (weak, rule) in [
        ("siete 7", "al menos 8 caracteres; 15 o más"),
        (long.as_str(), "hasta 128 caracteres"),
        ("password1", "de las más usadas"),
        ("PASSWORD1", "de las más usadas"),
        ("pichat123", "se parece demasiado a tu usuario"),
        ("Beto-2026", "se parece demasiado a tu usuario"),
        (device.as_str(), "se parece demasiado a tu usuario"),
        (BETO.1, "la misma"),
    ] {
        let refused = change(&beto, BETO.1, weak);
        assert_eq!((refused.status, refused.code().as_str()), (422, "weak_password"), "{weak}");
        let detail = refused.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.starts_with("Elige otra contraseña: ") && detail.contains(rule), "{weak}: {detail}");
    }
    let english = change(&beto.clone().with("Accept-Language", "en"), BETO.1, "password1");
    assert!(english.text().contains("among the most common"), "{}", english.text());
    server.wait_for_line(
        "event=password.refused result=refused user=\"beto\" addr=127.0.0.1 reason=weak_password",
    );
    // There is no other rule: any characters of any script, up to 128.
    let mut current = BETO.1.to_owned();
    for good in ["solominusculas", "🌱🌱🌱🌱🌱🌱🌱🌱", "        8 ", &"ñ".repeat(128)] {
        changed(&mut beto, &current, good);
        good.clone_into(&mut current);
    }
    assert_eq!(
        Client::new(&server).sign_in(BETO.0, &"n\u{303}".repeat(128)).status,
        200,
        "however the ñ is typed"
    );
}

#[test]
fn password_rules_hold_on_every_way_to_set_one() {
    let run = tempfile::tempdir().expect("a folder");
    let options = Options { serve: true, ..Options::default() };
    let server = Server::start(options.env("RUNTIME_DIRECTORY", run.path().to_str().expect("text")));
    let code = std::fs::read_to_string(run.path().join("claim")).expect("a code").trim().to_owned();
    let client = Client::new(&server);
    let claim = |password: &str| {
        client.post_json("/api/claim", &json!({"code": code, "username": "jefa", "password": password}))
    };
    for weak in ["password1", "jefa1234", "pichat-pichat"] {
        let refused = claim(weak);
        assert_eq!((refused.status, refused.code().as_str()), (422, "weak_password"), "{weak}");
    }
    let page = client.post_form(
        "/reclamar",
        &format!("codigo={code}&usuario=jefa&clave=password1&clave_otra_vez=password1"),
    );
    assert!(page.status == 422 && page.text().contains("de las más usadas"), "{}", page.text());
    assert_eq!(claim(OWN).status, 201, "and the code was still good");

    let folder = tempfile::tempdir().expect("a folder");
    for weak in ["password1", "eva-12345", "siete 7"] {
        let (status, _, err) =
            user_command(&["add", "eva", "--role", "cliente", "--password-stdin"], folder.path(), weak);
        assert!(status.code() == Some(65) && err.contains("elige otra contraseña: "), "{weak}: {err}");
        assert!(!err.contains(weak), "a password is not repeated: {err}");
    }
    let serve = common::server::pichat_command()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .env("ADMIN_PASS", "admin1234567")
        .output()
        .expect("runs");
    assert_eq!(serve.status.code(), Some(65), "{}", String::from_utf8_lossy(&serve.stderr));
}

#[test]
fn new_account_must_change_its_password_first() {
    let (server, password, mut carla) = given();
    assert!(password.len() == 14 && password.split('-').all(|group| group.len() == 4), "{password}");
    let body = carla.get("/api/session").json();
    assert_eq!((&body["username"], &body["must_change_password"]), (&json!("carla"), &json!(true)));
    for path in ["/inicio", "/chat", "/listar", "/subir"] {
        let sent = carla.get(path);
        assert_eq!(
            (sent.status, sent.header("location")),
            (303, Some(format!("/clave?volver={path}").as_str())),
            "{path}"
        );
    }
    let (kind, file) = multipart("archivo", "a.txt", b"a");
    let sent = carla.send("POST", "/subir", &[("Content-Type", &kind)], &file);
    assert_eq!((sent.status, sent.header("location")), (303, Some("/clave?volver=/subir")), "an upload too");
    let boss = Client::signed_in(&server, ANA.0, ANA.1);
    let id = boss.upload("acta.txt", b"acta").json()["id"].as_str().expect("an id").to_owned();
    let (one, content) = (format!("/api/files/{id}"), format!("/api/files/{id}/content"));
    for refused in [
        carla.get("/api/rooms"),
        carla.get("/api/files"),
        carla.get(&one),
        carla.get(&content),
        carla.upload("b.txt", b"b"),
        carla.delete(&one),
        carla.handshake(&[]).0,
    ] {
        assert_eq!((refused.status, refused.code().as_str()), (403, "password_change_required"));
    }
    assert_eq!(
        boss.get("/api/files").json().as_array().map(Vec::len),
        Some(1),
        "nothing came in, nothing went"
    );
    let page = carla.get("/clave");
    assert!(page.status == 200 && page.text().contains("Esa contraseña era temporal."), "{}", page.text());
    assert_eq!(carla.get("/static/js/password.js").status, 200);
    assert_eq!(carla.get("/static/passwords.txt").text().lines().count(), 3000);
    server.wait_for_line("event=password.change_due result=ok user=\"carla\" addr=127.0.0.1");

    assert_eq!(
        change(&carla, &password, &password.to_lowercase()).code(),
        "weak_password",
        "it is to be another one"
    );
    changed(&mut carla, &password, OWN);
    let body = carla.get("/api/session").json();
    assert_eq!(body.get("must_change_password"), None);
    assert_eq!((carla.get("/inicio").status, carla.get("/api/files").status), (200, 200));
    assert_eq!(carla.upload("b.txt", b"b").status, 201);
    assert_eq!(carla.socket().join_default("SALA")["type"], "joined");
    server.wait_for_line("event=password.changed result=ok user=\"carla\" addr=127.0.0.1");
    assert_eq!(carla.sign_in("carla", &password).status, 401, "used up");
    assert_eq!(carla.sign_in("carla", OWN).status, 200);
    assert!(!server.stderr().contains(&password) && !server.stderr().contains(OWN), "no secret in a log");
}

#[test]
fn session_with_one_time_password_may_sign_out() {
    let (_server, password, carla) = given();
    assert_eq!(carla.delete("/api/session").status, 204);
    assert_eq!(carla.get("/api/session").status, 401);
    let mut again = carla.clone();
    assert_eq!(
        again.sign_in("carla", &password.to_lowercase().replace('-', " ")).status,
        200,
        "however it is typed"
    );
    let out = again.post_form("/logout", "");
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    assert_eq!(again.get("/clave").header("location"), Some("/login?volver=/clave"));
}

#[test]
fn form_works_without_scripts() {
    let (server, password, mut carla) = given();
    for (new, again, status, reason) in [
        ("siete 7", "siete 7", 422, "al menos 8 caracteres"),
        ("password1", "password1", 422, "de las más usadas"),
        (OWN, "otra cosa distinta", 422, "no son iguales"),
        (password.as_str(), password.as_str(), 422, "la misma"),
    ] {
        let page = carla.post_form("/clave", &form(&password, new, again));
        assert!(page.status == status && page.text().contains(reason), "{new}: {}", page.text());
        assert!(
            page.text().contains("action=\"/clave\"") && page.text().contains("Esa contraseña era temporal.")
        );
        assert!(!page.text().contains(new) && !page.text().contains(&password), "no password comes back");
    }
    let page = carla.post_form("/clave", &form("otra cosa", OWN, OWN));
    assert!(
        page.status == 401 && page.text().contains("La contraseña actual no es correcta"),
        "{}",
        page.text()
    );
    assert_eq!(carla.post_form("/clave", "clave_actual=x").status, 400);
    let crossed =
        carla.clone().with("Origin", "http://evil.example").post_form("/clave", &form(&password, OWN, OWN));
    assert_eq!(crossed.status, 403);
    assert_eq!(carla.get("/api/session").json()["must_change_password"], json!(true), "nothing has changed");
    let done = carla.post_form("/clave", &form(&password, OWN, OWN));
    assert_eq!((done.status, done.header("location")), (303, Some("/inicio")));
    assert_eq!(
        carla.get("/inicio").header("location"),
        Some("/login?volver=/inicio"),
        "the old token is dead"
    );
    carla.take_cookie(&done);
    assert_eq!(carla.get("/inicio").status, 200);
    let page = carla.get("/clave");
    assert!(
        page.status == 200 && !page.text().contains("Entraste con la contraseña"),
        "of one's own accord too"
    );
    assert_eq!(Client::new(&server).get("/clave").header("location"), Some("/login?volver=/clave"));
}

#[test]
fn wrong_current_passwords_count_as_failed_sign_ins() {
    let server = with_users();
    let beto = Client::signed_in(&server, BETO.0, BETO.1);
    let statuses: Vec<_> = (0..6)
        .map(|i| match i % 2 {
            0 => change(&beto, "otra cosa", OWN).status,
            _ => beto.post_form("/clave", &form("otra cosa", OWN, OWN)).status,
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    let page = beto.post_form("/clave", &form(BETO.1, OWN, OWN));
    assert!(page.status == 429 && page.header("retry-after").is_some(), "the right one too: {}", page.status);
    assert_eq!(Client::new(&server).sign_in(BETO.0, BETO.1).status, 429, "and at the door");
    server.wait_for_line(
        "event=password.refused result=refused user=\"beto\" addr=127.0.0.1 reason=wrong_password",
    );
    server.wait_for_line(
        "event=password.refused result=refused user=\"beto\" addr=127.0.0.1 reason=locked_out",
    );
}

#[test]
fn typed_password_is_permanent_unless_marked() {
    let server = with_users();
    let dir = &server.data_dir;
    assert!(!user(dir, &["add", "dora", "--role", "usuario", "--password-stdin"], OWN).contains("temporal"));
    let dora = Client::signed_in(&server, "dora", OWN);
    assert_eq!(dora.get("/inicio").status, 200);
    let told = user(dir, &["passwd", "dora", "--must-change"], "la de la telefonista");
    assert!(told.contains("debe cambiarla al iniciar sesión") && !told.contains("telefonista"), "{told}");
    eventually("her session ended", || dora.get("/api/session").status == 401);
    let dora = Client::signed_in(&server, "dora", "la de la telefonista");
    assert_eq!(dora.get("/inicio").header("location"), Some("/clave?volver=/inicio"));
    let (status, ..) = user_command(&["passwd", "dora", "--one-time", "--password-stdin"], dir, OWN);
    assert_eq!(status.code(), Some(2), "one or the other");
}

#[test]
fn reset_ends_sessions_and_demands_a_change() {
    let server = with_users();
    let beto = Client::signed_in(&server, BETO.0, BETO.1);
    let mut socket = beto.socket();
    let (status, out, log) = user_command(&["passwd", "beto", "--one-time"], &server.data_dir, "");
    assert!(status.success() && out.contains("vence en 7 días"), "{out}");
    let password = one_time(&out);
    for line in [
        "event=user.password_set result=ok user=\"beto\"",
        "event=user.must_change result=ok user=\"beto\" days=7",
    ] {
        assert!(log.contains(line) && !log.contains(&password), "{log}");
    }
    assert_eq!(socket.close_code(), 4001);
    assert_eq!(Client::new(&server).sign_in(BETO.0, BETO.1).status, 401);
    let mut beto = Client::signed_in(&server, BETO.0, &password);
    assert_eq!(beto.get("/api/rooms").code(), "password_change_required");
    changed(&mut beto, &password, OWN);
    assert_eq!(beto.get("/api/rooms").status, 200);
}

#[test]
fn expired_one_time_password_looks_like_a_wrong_one() {
    // A trusted proxy provides client addresses.
    let config = Options::config("[http]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let (server, password, carla) = given_on(Server::start(Options { users: vec![ANA, BETO], ..config }));
    let dir = &server.data_dir;
    let listed = || {
        user(dir, &["list"], "")
            .lines()
            .find(|line| line.starts_with("carla"))
            .map(str::to_owned)
            .expect("is there")
    };
    assert!(listed().ends_with("cliente        contraseña-temporal"), "{}", listed());
    assert_eq!(
        sql(dir, "UPDATE users SET must_change_by = must_change_by - 6 * 86400000 WHERE name = 'carla'"),
        1
    );
    assert_eq!(Client::new(&server).sign_in("carla", &password).status, 200, "on the last day");
    assert_eq!(
        sql(dir, "UPDATE users SET must_change_by = must_change_by - 86400001 WHERE name = 'carla'"),
        1
    );
    assert!(listed().ends_with("contraseña-vencida"), "{}", listed());
    let lapsed = Client::new(&server).sign_in("carla", &password);
    let wrong = Client::new(&server).sign_in("carla", "otra cosa");
    assert_eq!((lapsed.status, lapsed.text()), (401, wrong.text()));
    server.wait_for_line(
        "event=login.failed result=failed user=\"carla\" addr=127.0.0.1 reason=one_time_lapsed",
    );
    let three: Vec<_> = (0..4).map(|_| Client::new(&server).sign_in("carla", &password).status).collect();
    assert_eq!(three, [401, 401, 401, 429], "it counts as a wrong one: the sixth in a row");
    // The lock affects one address: a live session may still change the password and sign in elsewhere.
    assert_eq!(change(&carla, &password, OWN).status, 204);
    assert_eq!(Client::new(&server).behind(3).sign_in("carla", OWN).status, 200);
}

#[test]
fn demand_to_change_the_password_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = || Options { users: vec![ANA], ..Options::default().data_dir(folder.path()) };
    let mut server = Server::start(users());
    let password = one_time(&user(folder.path(), &["add", "carla", "--role", "cliente", "--one-time"], ""));
    let mut carla = Client::signed_in(&server, "carla", &password);
    server.kill();
    let server = Server::start(Options { serve: true, ..Options::default().data_dir(folder.path()) });
    carla.follow(&server);
    assert_eq!(carla.get("/api/session").json()["must_change_password"], json!(true));
    assert_eq!(carla.get("/inicio").header("location"), Some("/clave?volver=/inicio"));
}

#[test]
fn demo_passwords_are_refused_outside_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = Server::start(Options::default().data_dir(folder.path()));
    for (name, role) in [("admin", "administrator"), ("cliente", "cliente"), ("usuario", "usuario")] {
        let answer = Client::new(&demo).sign_in(name, &format!("{name}123"));
        assert_eq!((answer.status, &answer.json()["role"]), (200, &json!(role)), "exempt");
        assert_eq!(answer.json().get("must_change_password"), None);
    }
    // The exemption covers these three hashes only.
    let admin = Client::admin(&demo);
    assert_eq!(change(&admin, "admin123", "admin1234").code(), "weak_password");
    demo.kill();
    let server = Server::start(Options { serve: true, ..Options::default().data_dir(folder.path()) });
    for name in ["admin", "cliente", "usuario"] {
        let refused = Client::new(&server).sign_in(name, &format!("{name}123"));
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_credentials"), "{name}");
    }
    server.wait_for_line(
        "event=login.failed result=failed user=\"admin\" addr=127.0.0.1 reason=public_password",
    );
    let password = one_time(&user(folder.path(), &["passwd", "admin", "--one-time"], ""));
    assert_eq!(Client::new(&server).sign_in("admin", &password).status, 200, "there is a way back in");
}
