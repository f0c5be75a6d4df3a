//! Close frames name the reason: each end of a session has its own word.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::server::{add_user, user_command};
use common::tls::Secure;
use common::{Client, Options, Server};
use serde_json::json;
use tungstenite::protocol::{Role, WebSocketContext};
use tungstenite::{Error, Message};

const PASSWORD: &str = "una clave larga";

/// Ends a session of the account `name` from outside the program.
type Outside = fn(&Server, &str);

/// Ends the session of a client by a request of its own.
type OwnEnd = fn(&Client);

fn command(server: &Server, args: &[&str], stdin: &str) {
    let (status, _, stderr) = user_command(args, &server.data_dir, stdin);
    assert!(status.success(), "{args:?}: {stderr}");
}

fn sql(server: &Server, statement: &str, name: &str) {
    let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    db.pragma_update(None, "foreign_keys", true).expect("sets");
    assert_eq!(db.execute(statement, [name]).expect("works"), 1, "{statement}");
}

/// External causes, with close code and word.
const OUTSIDE: [(Outside, u16, &str); 6] = [
    (|server, name| command(server, &["lock", name], ""), 4001, "locked"),
    (|server, name| command(server, &["role", name, "usuario"], ""), 4001, "role"),
    (|server, name| command(server, &["passwd", name], "otra clave larga"), 4001, "reset"),
    (|server, name| command(server, &["passwd", name, "--one-time"], ""), 4001, "reset"),
    (|server, name| sql(server, "DELETE FROM users WHERE name = ?1", name), 4002, "deleted"),
    (
        |server, name| {
            sql(server, "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE name = ?1)", name);
        },
        4001,
        "signed_out",
    ),
];

/// Returns a signed-in client of a new account.
fn person(server: &Server, name: &str) -> Client {
    add_user(&server.data_dir, name, PASSWORD, "cliente");
    Client::signed_in(server, name, PASSWORD)
}

fn serve(config: &str) -> Server {
    Server::start(Options {
        users: vec![("ana", "la clave de ana", "administrator")],
        ..Options::config(config)
    })
}

#[test]
fn end_from_outside_is_told_to_each_socket() {
    let server = serve("");
    for (n, (end, code, reason)) in OUTSIDE.into_iter().enumerate() {
        let name = format!("persona{n}");
        let person = person(&server, &name);
        let mut sockets = [person.socket(), person.socket()];
        end(&server, &name);
        for socket in &mut sockets {
            assert_eq!(socket.close_frame(), (code, reason.to_owned()));
        }
        let told = server.wait_for_line(&format!("event=session.ended result=ok user=\"{name}\""));
        assert!(!told.contains("reason=expired"), "{told}");
    }
}

#[test]
fn end_by_the_person_is_told_to_each_socket() {
    let server = serve("");
    let change: OwnEnd = |person| {
        let answer =
            person.post_json("/api/password", &json!({"current": PASSWORD, "new": "otra clave larga"}));
        assert_eq!(answer.status, 204);
    };
    let causes: [(&str, OwnEnd, &str); 3] = [
        ("beto", |person| assert_eq!(person.delete("/api/session").status, 204), "signed_out"),
        ("carla", |person| assert_eq!(person.post_form("/logout", "").status, 303), "signed_out"),
        ("dora", change, "password"),
    ];
    for (name, end, reason) in causes {
        let person = person(&server, name);
        let mut sockets = [person.socket(), person.socket()];
        end(&person);
        for socket in &mut sockets {
            assert_eq!(socket.close_frame(), (4001, reason.to_owned()), "{name}");
        }
    }
}

#[test]
fn own_end_closes_sockets_after_the_answer() {
    let server = serve("");
    let change: OwnEnd = |person| {
        let body = json!({"current": PASSWORD, "new": "otra clave larga"});
        assert_eq!(person.post_json("/api/password", &body).status, 204);
    };
    let replace: OwnEnd = |person| {
        let body = json!({"username": "carla", "password": PASSWORD});
        assert_eq!(person.post_json("/api/session", &body).status, 200);
    };
    let ends: [(&str, &str, OwnEnd); 4] = [
        ("signed out", "beto", |person| assert_eq!(person.delete("/api/session").status, 204)),
        ("signed out by the form", "elena", |person| assert_eq!(person.post_form("/logout", "").status, 303)),
        ("signed in anew", "carla", replace),
        ("new password", "dora", change),
    ];
    for (how, name, end) in ends {
        let person = person(&server, name);
        let mut socket = person.socket();
        let closed = std::thread::spawn(move || {
            assert_eq!(socket.close_frame().0, 4001);
            Instant::now()
        });
        end(&person);
        let answered = Instant::now();
        assert!(closed.join().expect("closes") > answered, "{how}");
    }
}

#[test]
fn session_that_gives_way_is_told_so() {
    // The administrator has none: all four are of two people.
    let server = serve("[limits]\nsessions_per_user = 2\nsessions = 3");
    let first = person(&server, "beto");
    let mut socket = first.socket();
    let second = Client::signed_in(&server, "beto", PASSWORD);
    let mut socket_of_second = second.socket();
    let third = Client::signed_in(&server, "beto", PASSWORD);
    assert_eq!(socket.close_frame(), (4001, "evicted".to_owned()), "the bound of one person");
    let _others = [person(&server, "carla"), Client::signed_in(&server, "carla", PASSWORD)];
    assert_eq!(socket_of_second.close_frame(), (4001, "evicted".to_owned()), "the bound of all");
    assert_eq!(third.get("/api/session").status, 200);
}

#[test]
fn session_that_is_too_old_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { serve: true, ..Options::default().data_dir(folder.path()) };
    let mut server = Server::start(options.clone());
    let mut beto = person(&server, "beto");
    server.signal("TERM");
    server.wait();
    sql(
        &server,
        "UPDATE sessions SET created_at = created_at - 7200000 WHERE user_id = (SELECT id FROM users WHERE name = ?1)",
        "beto",
    );
    server = Server::start(options);
    beto.follow(&server);
    let mut socket = beto.socket();
    std::fs::write(server.config_file(), "[accounts]\nsession_hours = 1\n").expect("writes");
    server.signal("HUP");
    assert_eq!(socket.close_frame(), (4001, "expired".to_owned()));
}

#[test]
fn upgrade_while_the_session_ends_is_told_the_reason() {
    let server = serve("");
    let mut closed = 0;
    for n in 0..20 {
        let beto = person(&server, &format!("persona{n}"));
        std::thread::scope(|scope| {
            let tabs: Vec<_> = (0..4).map(|_| scope.spawn(|| beto.try_socket())).collect();
            assert_eq!(beto.delete("/api/session").status, 204);
            for tab in tabs {
                if let Ok(mut socket) = tab.join().expect("ends") {
                    assert_eq!(socket.close_frame(), (4001, "signed_out".to_owned()));
                    closed += 1;
                }
            }
        });
    }
    assert!(closed > 0, "at least one came in time");
}

#[test]
fn upgrade_that_waits_for_a_place_while_the_session_ends_is_told_the_reason() {
    let server = serve("[limits]\nsockets_per_session = 1");
    let beto = person(&server, "beto");
    let mut old = beto.socket();
    // Until then a socket counts as alive, and a second one does not wait.
    std::thread::sleep(Duration::from_millis(2100));
    let waiting = {
        let beto = beto.clone();
        std::thread::spawn(move || beto.socket())
    };
    // The server asks it for a sign of life: the second one waits.
    old.recv_ping();
    assert_eq!(beto.delete("/api/session").status, 204);
    let mut new = waiting.join().expect("is upgraded");
    assert_eq!(new.close_frame(), (4001, "signed_out".to_owned()));
    assert_eq!(old.close_frame(), (4001, "signed_out".to_owned()));
}

#[test]
fn close_of_any_kind_names_its_reason() {
    let server = serve("[limits]\nsockets_per_session = 2");
    let (beto, carla) = (person(&server, "beto"), person(&server, "carla"));
    let mut socket = carla.socket();
    socket.send_raw(Message::binary(vec![1]));
    assert_eq!(socket.close_frame(), (1003, "binary_frame".to_owned()));
    let mut socket = carla.socket();
    socket.send_text(&"x".repeat(1 << 20));
    assert_eq!(socket.close_frame(), (1009, "too_big".to_owned()));
    let (mut one, _two) = (beto.socket(), beto.socket());
    assert_eq!(beto.socket().close_frame(), (4008, "too_many_sockets".to_owned()));
    server.signal("TERM");
    assert_eq!(one.close_frame(), (1001, "shutdown".to_owned()));
}

#[test]
fn end_over_tls_is_told_as_over_plain_tcp() {
    let users = vec![("ana", "la clave de ana", "administrator")];
    let secure = Secure::start(Options { users, ..Options::default() });
    for (n, (end, code, reason)) in OUTSIDE.into_iter().enumerate() {
        let name = format!("persona{n}");
        add_user(&secure.server.data_dir, &name, PASSWORD, "cliente");
        let mut stream = secure.upgrade(&secure.sign_in(&name, PASSWORD));
        end(&secure.server, &name);
        let mut ctx = WebSocketContext::new(Role::Client, None);
        let begun = Instant::now();
        let close = loop {
            match ctx.read(&mut stream) {
                Ok(Message::Close(Some(close))) => break close,
                Ok(_) | Err(Error::Io(_)) if begun.elapsed() < Duration::from_secs(30) => {}
                other => panic!("no close frame: {other:?}"),
            }
        };
        assert_eq!((u16::from(close.code), close.reason.as_str()), (code, reason));
    }
}

#[test]
fn page_has_a_sentence_for_each_reason() {
    let texts = include_str!("../assets/texts/es.json");
    for reason in [
        "expired",
        "idle",
        "signed_out",
        "locked",
        "role",
        "password",
        "reset",
        "deleted",
        "evicted",
        "other",
    ] {
        assert_eq!(texts.matches(&format!("\"ended.{reason}\": ")).count(), 1, "{reason}");
    }
}
