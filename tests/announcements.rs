//! Announcements of an administrator: to whom they come, who has acknowledged them, and their end.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::path::Path;

use common::server::{add_user, eventually, user_command};
use common::{Client, Options, Response, Server, Socket};
use serde_json::{Value, json};

const PASSWORD: &str = "correcta-grapa-7";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Starts `serve` on a data folder with its accounts.
fn serve(dir: &Path) -> Server {
    Server::start(Options { serve: true, ..Options::default() }.data_dir(dir))
}

fn stop(mut server: Server) {
    server.signal("TERM");
    assert!(server.wait().success());
}

/// Returns a data folder with an administrator `jefe` and members.
fn office(members: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    add_user(dir.path(), "jefe", PASSWORD, "administrator");
    for name in members {
        add_user(dir.path(), name, PASSWORD, "usuario");
    }
    dir
}

fn database(dir: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(dir.join("pichat.db")).expect("opens");
    db.pragma_update(None, "foreign_keys", true).expect("sets");
    db
}

fn count(dir: &Path, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database(dir).query_row(&sql, [], |row| row.get(0)).expect("counts")
}

fn announce(admin: &Client, text: &str) -> Value {
    let answer = admin.post_json("/api/announcement", &json!({"text": text, "acknowledge": true}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn list(admin: &Client) -> Value {
    let answer = admin.get("/api/announcements");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn path(announcement: &Value, ending: &str) -> String {
    format!("/api/announcements/{}{ending}", announcement["id"].as_str().expect("a text"))
}

fn acknowledge(socket: &mut Socket, announcement: &Value) {
    socket.send(&json!({"type": "acknowledge", "id": announcement["id"]}));
}

/// Returns the texts of the announcements that a new socket of the client gets.
fn shown(client: &Client) -> Vec<String> {
    let mut socket = client.socket();
    let mut texts = Vec::new();
    socket.send(&json!({"type": "leave", "ref": "end", "room": "ajena"}));
    loop {
        let frame = socket.recv();
        match frame["type"].as_str() {
            Some("announcement") => texts.push(frame["text"].as_str().expect("a text").to_owned()),
            _ => break,
        }
    }
    texts
}

#[test]
fn announcement_reaches_open_sockets_and_newcomers() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    let mut sockets = [&admin, &Client::cliente(&server), &Client::usuario(&server)].map(Client::socket);
    for socket in &mut sockets {
        socket.welcome();
    }
    let made = announce(&admin, "Mañana no hay luz\nde 8 a 10");
    let want = json!({"type": "announcement", "id": made["id"], "by": "admin", "at": made["at"],
        "text": "Mañana no hay luz\nde 8 a 10", "acknowledge": true});
    for socket in &mut sockets {
        assert_eq!(socket.recv(), want);
    }
    let mut newcomer = Client::cliente(&server).socket();
    assert_eq!(newcomer.recv(), want);
    let line = server.wait_for_line("event=announcement.made");
    assert!(line.contains("user=\"admin\"") && !server.stderr().contains("luz"), "{line}");
}

#[test]
fn acknowledged_announcement_goes_on_every_device() {
    let server = Server::demo();
    let (admin, ana, phone) = (Client::admin(&server), Client::cliente(&server), Client::cliente(&server));
    let beto = Client::usuario(&server);
    let (old, new) = (announce(&admin, "uno"), announce(&admin, "dos"));
    let mut sockets = [&ana, &ana, &phone, &beto].map(Client::socket);
    for socket in &mut sockets {
        let texts = [socket.recv_type("announcement"), socket.recv_type("announcement")];
        assert_eq!(texts.map(|frame| frame["text"].clone()), ["uno", "dos"], "in order of arrival");
    }
    let [own, tab, other, stranger] = &mut sockets;
    acknowledge(own, &old);
    for socket in [tab, other] {
        assert_eq!(socket.recv(), json!({"type": "acknowledged", "id": old["id"]}));
    }
    // Neither a second acknowledgement nor one of something else has an answer.
    acknowledge(own, &old);
    acknowledge(own, &json!({"id": "4711"}));
    assert_eq!(own.request(json!({"type": "leave", "room": "ajena"}))["code"], "not_member");
    stranger.assert_quiet();
    assert_eq!((shown(&ana), shown(&phone)), (vec!["dos".to_owned()], vec!["dos".to_owned()]));
    assert_eq!(shown(&beto), ["uno", "dos"]);
    let counts = list(&admin);
    let counts: Vec<_> = [0, 1].map(|at| (&counts[at]["id"], &counts[at]["acknowledged"])).into();
    assert_eq!(counts, [(&new["id"], &json!(0)), (&old["id"], &json!(1))], "the newest first");
}

/// Returns the lines of a CSV answer without its byte order mark.
fn lines(answer: &Response) -> Vec<String> {
    let text = answer.text();
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    text.strip_suffix("\r\n").expect("an end of line").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn twenty_acknowledgements_are_counted_and_exported() {
    let names: Vec<_> = (1..=20).map(|n| format!("persona{n:02}")).collect();
    let mut members: Vec<_> = names.iter().map(String::as_str).collect();
    members.push("faltante");
    let dir = office(&members);
    let sql = "INSERT INTO users (name, name_key, role, password, created_at)
        VALUES ('-1-cmd', '-1-cmd', 'usuario', '', 1)";
    assert_eq!(database(dir.path()).execute(sql, []).expect("inserts"), 1);
    let server = serve(dir.path());
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let made = announce(&admin, "=HYPERLINK(\"http://example.com\")");
    assert_eq!((&made["acknowledged"], &made["people"]), (&json!(0), &json!(23)));
    for name in &names {
        let mut socket = Client::signed_in(&server, name, PASSWORD).socket();
        assert_eq!(socket.recv_type("announcement")["id"], made["id"]);
        acknowledge(&mut socket, &made);
        // Its answer follows the acknowledgement.
        socket.request(json!({"type": "leave", "room": "ajena"}));
    }
    let open = &list(&admin)[0];
    assert_eq!((&open["acknowledged"], &open["people"]), (&json!(20), &json!(23)));

    let exported = admin.get(&path(&made, ".csv"));
    assert_eq!((exported.status, exported.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let name = format!("attachment; filename=\"anuncio-{}.csv\"", made["id"].as_str().expect("a text"));
    assert_eq!(exported.header("content-disposition"), Some(&*name));
    let rows = lines(&exported);
    assert_eq!(rows[0], "Usuario / User,Enterado / Acknowledged,Fecha (UTC) / Time (UTC)");
    assert_eq!(rows.len(), 24, "{rows:#?}");
    let has =
        |name: &str| rows.iter().find(|row| row.starts_with(&format!("{name},"))).expect("a row").clone();
    for name in &names {
        assert!(has(name).contains(",sí,20"), "{}", has(name));
    }
    assert_eq!([has("faltante"), has("jefe")], ["faltante,no,", "jefe,no,"]);
    assert_eq!(has("'-1-cmd"), "'-1-cmd,no,", "no formula");
    assert!(server.wait_for_line("event=announcement.exported").contains("user=\"jefe\""));
}

#[test]
fn locked_account_counts_only_if_it_acknowledged() {
    let dir = office(&["ana", "beto"]);
    let server = serve(dir.path());
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let made = announce(&admin, "hola");
    let mut ana = Client::signed_in(&server, "ana", PASSWORD).socket();
    acknowledge(&mut ana, &made);
    ana.request(json!({"type": "leave", "room": "ajena"}));
    for name in ["ana", "beto"] {
        assert!(user_command(&["lock", name], dir.path(), "").0.success());
    }
    let open = &list(&admin)[0];
    assert_eq!((&open["acknowledged"], &open["people"]), (&json!(1), &json!(2)));
}

#[test]
fn announcements_are_for_administrators_to_make() {
    let server = Server::demo();
    let made = announce(&Client::admin(&server), "hola");
    let (csv, own) = (path(&made, ".csv"), path(&made, ""));
    for (client, status) in
        [(Client::cliente(&server), 403), (Client::usuario(&server), 403), (Client::new(&server), 401)]
    {
        let body = json!({"text": "x", "acknowledge": false});
        let refused = [
            client.post_json("/api/announcement", &body),
            client.get("/api/announcements"),
            client.get(&csv),
            client.delete(&own),
        ];
        assert_eq!(refused.map(|answer| answer.status), [status; 4]);
    }
    assert_eq!(shown(&Client::cliente(&server)), ["hola"]);
}

#[test]
fn eleventh_announcement_is_refused_until_one_ends() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    let made: Vec<_> = (1..=10).map(|n| announce(&admin, &format!("aviso {n}"))).collect();
    let mut ana = Client::cliente(&server).socket();
    for _ in 0..10 {
        ana.recv_type("announcement");
    }
    let body = json!({"text": "otro", "acknowledge": true});
    let refused = admin.post_json("/api/announcement", &body);
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    assert!(refused.text().contains("10 anuncios"), "{}", refused.text());
    assert_eq!(admin.delete(&path(&made[3], "")).status, 204);
    assert_eq!(ana.recv(), json!({"type": "announcement_ended", "id": made[3]["id"]}));
    assert_eq!(admin.delete(&path(&made[3], "")).refusal(), (404, "not_found".to_owned()));
    assert_eq!(admin.get(&path(&made[3], ".csv")).status, 404);
    announce(&admin, "otro");
    assert_eq!(ana.recv()["text"], "otro");
    assert_eq!(shown(&Client::usuario(&server)).len(), 10);
    let line = server.wait_for_line("event=announcement.ended");
    assert!(line.contains("user=\"admin\"") && line.contains("acknowledged=0"), "{line}");
}

#[test]
fn announcement_text_is_checked_and_cleaned() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    let post = |body: &Value| admin.post_json("/api/announcement", body);
    let text = |text: &str| json!({"text": text, "acknowledge": false});
    assert_eq!(post(&text(&"ñ".repeat(1001))).refusal(), (422, "too_long".to_owned()));
    for blank in ["", " \n", "\u{200b}\u{3164}"] {
        assert_eq!(post(&text(blank)).refusal(), (400, "bad_request".to_owned()), "{blank:?}");
    }
    for body in [
        json!({"text": "x"}),
        json!({"acknowledge": true}),
        json!({"text": "x", "acknowledge": "yes"}),
        json!({"text": "x", "acknowledge": true, "room": "a"}),
        json!(["x", true]),
    ] {
        assert_eq!(post(&body).refusal(), (400, "bad_request".to_owned()), "{body}");
    }
    assert_eq!(admin.post_form("/api/announcement", "text=x").status, 415);
    let longest = "ñ".repeat(1000);
    assert_eq!(post(&text(&longest)).json()["text"], *longest);
    let cleaned = post(&text("a\u{202e}b\u{7}n\u{303}<b>")).json();
    assert_eq!((&cleaned["text"], &cleaned["acknowledge"]), (&json!("abñ<b>"), &json!(false)));
    for id in ["x", "-1", "0", "99999999999999999999"] {
        assert_eq!(admin.delete(&format!("/api/announcements/{id}")).status, 404, "{id}");
        assert_eq!(admin.get(&format!("/api/announcements/{id}.csv")).status, 404, "{id}");
    }
    assert_eq!(admin.get(&path(&cleaned, "")).status, 405);
}

#[test]
fn power_cut_keeps_announcements_and_acknowledgements() {
    let dir = office(&["ana"]);
    let mut server = serve(dir.path());
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let (read, unread) = (announce(&admin, "leído"), announce(&admin, "pendiente"));
    acknowledge(&mut Client::signed_in(&server, "ana", PASSWORD).socket(), &read);
    eventually("the acknowledgement is stored", || count(dir.path(), "acknowledgements") == 1);
    server.kill();
    let server = serve(dir.path());
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let open = list(&admin);
    let fields = |at: usize| (open[at]["id"].clone(), open[at]["acknowledged"].clone());
    assert_eq!([fields(0), fields(1)], [(unread["id"].clone(), json!(0)), (read["id"].clone(), json!(1))]);
    assert_eq!(open[1]["at"], read["at"]);
    assert_eq!(shown(&Client::signed_in(&server, "ana", PASSWORD)), ["pendiente"]);
}

#[test]
fn announcement_ends_after_thirty_days() {
    let dir = office(&["ana"]);
    let server = serve(dir.path());
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let (old, young) = (announce(&admin, "vieja"), announce(&admin, "joven"));
    let mut ana = Client::signed_in(&server, "ana", PASSWORD).socket();
    acknowledge(&mut ana, &old);
    ana.request(json!({"type": "leave", "room": "ajena"}));
    stop(server);
    for (announcement, days) in [(&old, 30), (&young, 29)] {
        let id: i64 = announcement["id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
        let sql = "UPDATE announcements SET made_at = made_at - ?2 WHERE id = ?1";
        assert_eq!(database(dir.path()).execute(sql, [id, days * DAY_MS]).expect("updates"), 1);
    }
    let server = serve(dir.path());
    let line = server.wait_for_line("event=announcement.expired");
    assert!(line.contains("acknowledged=1"), "{line}");
    let admin = Client::signed_in(&server, "jefe", PASSWORD);
    let open = list(&admin);
    assert_eq!((open.as_array().map(Vec::len), &open[0]["text"]), (Some(1), &json!("joven")));
    assert_eq!(shown(&Client::signed_in(&server, "ana", PASSWORD)), ["joven"]);
    assert_eq!(
        (count(dir.path(), "announcements"), count(dir.path(), "acknowledgements")),
        (1, 0),
        "its rows are gone"
    );
}

#[test]
fn announcement_outlives_the_account_of_its_author() {
    let dir = office(&["ana"]);
    add_user(dir.path(), "otra", PASSWORD, "administrator");
    let server = serve(dir.path());
    let made = announce(&Client::signed_in(&server, "otra", PASSWORD), "hola");
    let mut otra = Client::signed_in(&server, "otra", PASSWORD).socket();
    acknowledge(&mut otra, &made);
    otra.request(json!({"type": "leave", "room": "ajena"}));
    stop(server);
    database(dir.path()).execute("DELETE FROM users WHERE name = 'otra'", []).expect("deletes");
    let server = serve(dir.path());
    let open = &list(&Client::signed_in(&server, "jefe", PASSWORD))[0];
    assert_eq!((&open["by"], &open["acknowledged"], &open["people"]), (&json!("otra"), &json!(0), &json!(2)));
    assert_eq!(shown(&Client::signed_in(&server, "ana", PASSWORD)), ["hola"]);
}
