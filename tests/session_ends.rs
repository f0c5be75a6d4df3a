//! End of a session in progress: transfers are cut, nothing is recorded, later frames are ignored.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use common::http::{multipart, read_response};
use common::server::{eventually, user_command};
use common::{Client, Options, Server};
use serde_json::json;

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");
const MIB: usize = 1 << 20;
/// Bound for "within a second" on a busy machine.
const SOON: Duration = Duration::from_millis(1500);

fn with_users() -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::default() })
}

fn command(server: &Server, args: &[&str]) {
    let (status, _, stderr) = user_command(args, &server.data_dir, "");
    assert!(status.success(), "{args:?}: {stderr}");
}

#[test]
fn download_is_cut_when_its_session_ends() {
    let server = with_users();
    let boss = Client::signed_in(&server, ANA.0, ANA.1);
    // Neither text nor archive: the inspector finds nothing in it.
    let size = 15 * MIB;
    let content: Vec<u8> = (0..size).map(|n| u8::try_from(n * 31 % 251).expect("small")).collect();
    let uploaded = boss.upload("grande.bin", &content);
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    let path = format!("/api/files/{}/content", uploaded.json()["id"].as_str().expect("an id"));
    eventually("it may be fetched", || boss.send("HEAD", &path, &[], b"").status == 200);
    let signed_out: fn(&Server, &Client) = |_, beto| assert_eq!(beto.delete("/api/session").status, 204);
    let locked: fn(&Server, &Client) = |server, _| command(server, &["lock", "beto"]);
    for (how, end) in [("signed out", signed_out), ("locked", locked)] {
        let beto = Client::signed_in(&server, BETO.0, BETO.1);
        let mut stream = beto.connect();
        stream.write_all(format!("{}\r\n", beto.head("GET", &path, &[])).as_bytes()).expect("writes");
        let mut some = [0; 1000];
        stream.read_exact(&mut some).expect("it has begun");
        assert!(some.starts_with(b"HTTP/1.1 200"), "{how}");
        end(&server, &beto);
        let ended = Instant::now();
        eventually("the session is over", || beto.get("/api/session").status == 401);
        assert!(ended.elapsed() < SOON, "{how}: {:?}", ended.elapsed());
        // The client has not read since. Only the bytes in the buffers still arrive.
        std::thread::sleep(SOON.saturating_sub(ended.elapsed()));
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < size - MIB, "{how}: {} bytes came", rest.len());
    }
}

#[test]
fn upload_is_cut_and_leaves_nothing_when_its_session_ends() {
    let server = with_users();
    let boss = Client::signed_in(&server, ANA.0, ANA.1);
    let signed_out: fn(&Server, &Client) = |_, beto| assert_eq!(beto.delete("/api/session").status, 204);
    let demoted: fn(&Server, &Client) = |server, _| command(server, &["role", "beto", "usuario"]);
    for (how, end) in [("signed out", signed_out), ("demoted", demoted)] {
        let beto = Client::signed_in(&server, BETO.0, BETO.1);
        let (kind, body) = multipart("archivo", "a.bin", &vec![7; 2 * MIB]);
        let length = body.len().to_string();
        let mut stream = beto.connect();
        let head = beto.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
        stream.write_all(&body[..MIB]).expect("writes");
        let folder = server.data_dir.join("cuarentena");
        let written =
            || std::fs::read_dir(&folder).map_or(0, |entries| entries.flatten().filter(is_temporary).count());
        eventually("half of it is on the disk", || written() == 1);
        end(&server, &beto);
        let answer = read_response(&mut stream, false).expect("an answer while the rest was never sent");
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{how}");
        eventually("nothing of it stays", || written() == 0);
        assert_eq!(boss.get("/api/files").json(), json!([]), "{how}");
        server.wait_for_line(
            "event=file.refused result=refused user=\"beto\" addr=127.0.0.1 reason=unauthenticated",
        );
    }
}

fn is_temporary(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with("tmp-")
}

#[test]
fn new_password_ends_every_older_token_and_socket() {
    let server = with_users();
    let signed_in = |(name, password, _): (&str, &str, &str)| Client::signed_in(&server, name, password);
    let status = |client: &Client| client.get("/api/session").status;
    let (own, other, stranger) = (signed_in(BETO), signed_in(BETO), signed_in(ANA));
    let (mut own_socket, mut other_socket) = (own.socket(), other.socket());
    own_socket.join_default("SALA");
    let change =
        |current: &str, new: &str| own.post_json("/api/password", &json!({"current": current, "new": new}));

    let wrong = change("otra cosa", "una clave nueva");
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "wrong_password"));
    for weak in ["corta12", "", "beto", "BETO", &"x".repeat(129)] {
        let refused = change(BETO.1, weak);
        assert_eq!((refused.status, refused.code().as_str()), (422, "weak_password"), "{weak}");
    }
    assert_eq!((status(&own), status(&other)), (200, 200), "a refusal changes nothing");

    let changed = change(BETO.1, "una clave nueva");
    assert_eq!((changed.status, changed.body.len()), (204, 0));
    let mut renewed = own.clone();
    renewed.take_cookie(&changed);
    assert_ne!(renewed.cookie, own.cookie, "a new token");
    // A copy of the old token is worthless.
    assert_eq!((status(&own), status(&other), status(&stranger)), (401, 401, 200));
    assert_eq!((own.get("/api/files").status, own.handshake(&[]).0.status), (401, 401));
    assert_eq!(status(&renewed), 200);
    assert_eq!((own_socket.close_code(), other_socket.close_code()), (4001, 4001));
    // The new session has the memberships of the one that asked for it.
    let enter = json!({"type": "enter", "room": "SALA", "since": 0});
    assert_eq!(renewed.socket().request(enter)["type"], "joined");
    let ended = server.wait_for_line("event=session.ended");
    assert!(ended.contains("user=\"beto\" reason=password_changed"), "{ended}");
    assert_eq!(Client::new(&server).sign_in(BETO.0, BETO.1).status, 401);
    assert_eq!(Client::new(&server).sign_in(BETO.0, "una clave nueva").status, 200);
    assert_eq!(
        Client::new(&server).post_json("/api/password", &json!({"current": "", "new": ""})).code(),
        "unauthenticated"
    );
}

#[test]
fn frame_of_a_session_with_an_old_password_does_nothing() {
    let server = with_users();
    let (boss, beto) = (Client::signed_in(&server, ANA.0, ANA.1), Client::signed_in(&server, BETO.0, BETO.1));
    let (mut listener, mut stolen) = (boss.socket(), beto.socket());
    listener.join_default("SALA");
    stolen.join_default("SALA");
    let changed = beto.post_json("/api/password", &json!({"current": BETO.1, "new": "una clave nueva"}));
    assert_eq!(changed.status, 204);
    // The answer has arrived, and the socket is not closed yet.
    let answered = Instant::now();
    stolen.send(&json!({"type": "send", "room": "SALA", "text": "de la sesión vieja"}));
    assert_eq!(stolen.close_code(), 4001);
    assert!(answered.elapsed() < SOON, "{:?}", answered.elapsed());
    let mut other = boss.socket();
    other.join_default("SALA");
    other.send_message("SALA", "de ana");
    assert_eq!(listener.recv_type("message")["text"], "de ana", "the first that was said");
}

#[test]
fn unreadable_accounts_block_every_action() {
    let server = with_users();
    let beto = Client::signed_in(&server, BETO.0, BETO.1);
    let mut socket = beto.socket();
    let sql = |statement: &str| {
        let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
        db.execute_batch(statement).expect("works");
    };
    sql("ALTER TABLE sessions RENAME TO away");
    server.wait_for_line("pichat: the database");
    assert_eq!(beto.get("/api/session").status, 200, "a short failure of the store ends no session");
    server.wait_for_line("event=sessions.suspended result=failed seconds=10");
    let refused = beto.get("/api/session");
    assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(socket.close_code(), 1013, "its client comes back");
    assert_eq!(beto.handshake(&[]).0.status, 503);
    assert_eq!(server.stderr().matches("no such table").count(), 1, "said once");
    // A lock holds as soon as the accounts can be read again.
    sql(
        "ALTER TABLE away RENAME TO sessions; UPDATE users SET generation = generation + 1, locked = 1 WHERE name = 'beto'",
    );
    server.wait_for_line("event=sessions.resumed result=ok");
    assert_eq!(beto.get("/api/session").status, 401);
    assert_eq!(Client::signed_in(&server, ANA.0, ANA.1).get("/api/session").status, 200);
}
