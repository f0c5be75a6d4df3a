//! Audit log: sessions, users of commands, refusals, and bounded lines of strangers.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::server::{add_user, eventually, user_command};
use common::{Client, Options, Server};

/// Counts the lines of `event` so far.
fn lines(server: &Server, event: &str) -> usize {
    server.stderr().matches(&format!("event={event} ")).count()
}

/// Returns the value of `field` in a line.
fn field<'a>(line: &'a str, field: &str) -> &'a str {
    let rest = line.split_once(&format!(" {field}=")).expect("the field").1;
    rest.split(' ').next().expect("a value")
}

#[test]
fn sessions_are_named_in_the_log() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    client.socket().close();
    assert_eq!(client.delete("/api/session").status, 204);
    let begun = field(&server.wait_for_line("event=login.ok"), "session").to_owned();
    assert!(begun.len() == 8 && begun.bytes().all(|b| b.is_ascii_hexdigit()), "{begun}");
    for event in ["socket.opened", "socket.closed", "session.ended"] {
        assert_eq!(field(&server.wait_for_line(&format!("event={event} ")), "session"), begun, "{event}");
    }
    let other = Client::cliente(&server);
    drop(other);
    eventually("another session", || lines(&server, "login.ok") == 2);
    let log = server.stderr();
    let last = log.lines().rfind(|line| line.contains("event=login.ok")).expect("a line");
    assert_ne!(field(last, "session"), begun, "each has its own");
}

#[test]
fn commands_say_who_ran_them() {
    let folder = tempfile::tempdir().expect("a folder");
    add_user(folder.path(), "ana", "una-clave-de-prueba", "cliente");
    for (args, event) in [
        (&["role", "ana", "usuario"][..], "user.role_changed"),
        (&["lock", "ana"], "user.locked"),
        (&["unlock", "ana"], "user.unlocked"),
    ] {
        let (status, _, log) = user_command(args, folder.path(), "");
        assert!(status.success(), "{log}");
        let line = log.lines().find(|line| line.contains(event)).expect("a line");
        let by: Vec<_> = field(line, "by").split(':').collect();
        assert!(
            matches!(by[..], ["command", login, uid] if !login.is_empty() && uid.parse::<u32>().is_ok()),
            "{line}"
        );
    }
}

#[test]
fn refusals_without_a_session_are_sampled() {
    let server = Server::demo();
    let client = Client::new(&server);
    for _ in 0..40 {
        assert_eq!(client.get("/api/files").status, 401);
    }
    let line = server.wait_for_line("event=request.unauthenticated");
    assert_eq!((field(&line, "method"), field(&line, "path")), ("GET", "/api/files"));
    client.get("/inicio");
    Client::cliente(&server);
    server.wait_for_line("event=login.ok");
    assert_eq!(lines(&server, "request.unauthenticated"), 1, "the first of a minute");
}

#[test]
fn refused_heads_are_sampled() {
    use std::io::{Read as _, Write as _};
    let server = Server::demo();
    for _ in 0..20 {
        let mut stream = Client::new(&server).connect();
        stream.write_all(b"GET / HTTP/1.1\nHost: x\n\n").expect("writes");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(field(&server.wait_for_line("event=request.rejected"), "status"), "400");
    Client::cliente(&server);
    server.wait_for_line("event=login.ok");
    assert_eq!(lines(&server, "request.rejected"), 1);
}

#[test]
fn view_of_private_codes_is_audited() {
    let server = Server::demo();
    let (admin, client) = (Client::admin(&server), Client::cliente(&server));
    let mut socket = client.socket();
    socket.join("abierta", "secreta", "group");
    admin.get("/api/rooms");
    socket.join("oculta", "secreta", "private");
    for _ in 0..3 {
        assert!(admin.get("/api/rooms").text().contains("oculta"));
        client.get("/api/rooms");
    }
    let line = server.wait_for_line("event=room.codes_seen");
    assert_eq!((field(&line, "user"), field(&line, "count")), ("\"admin\"", "1"));
    assert!(!line.contains("oculta"));
    assert_eq!(lines(&server, "room.codes_seen"), 1, "once a session");
}

#[test]
fn strangers_cannot_fill_the_log() {
    let server =
        Server::start(Options::config("[limits]\nrequests_per_minute = 1000000\nrequest_burst = 1000000\n"));
    let client = Client::new(&server);
    for i in 0..1000 {
        assert_eq!(client.send("GET", "/", &[("Host", &format!("x{i}.example"))], b"").status, 421);
    }
    Client::cliente(&server);
    server.wait_for_line("event=login.ok");
    let written = lines(&server, "request.misdirected");
    assert!((300..320).contains(&written), "{written} lines of 1000");
}
