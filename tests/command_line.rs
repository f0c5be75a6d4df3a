//! Command line: exit codes, arguments, the first start.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::process::Output;

use common::server::{pichat_command, user_command};
use common::{Client, Options, Server};

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    pichat_command()
        .args(args)
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .envs(env.iter().copied())
        .output()
        .expect("the binary starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exit_codes_name_the_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let user = |args: &[&str], stdin: &str| user_command(args, dir, stdin).0.code();
    assert_eq!(user(&["add", "ana", "--role", "cliente"], "corta"), Some(65));
    assert_eq!(user(&["add", "ana", "--role", "cliente"], ""), Some(66), "no password");
    assert_eq!(user(&["add", "ana", "--role", "cliente"], "la clave de ana"), Some(0));
    assert_eq!(
        user(&["add", "ANA", "--role", "cliente"], "la clave de ana"),
        Some(65),
        "there is one, in any case"
    );
    assert_eq!(user(&["passwd", "ana"], "corta"), Some(65));
    for command in ["passwd", "lock", "unlock"] {
        assert_eq!(user(&[command, "nadie"], "la clave de nadie"), Some(67), "{command}");
    }
    assert_eq!(user(&["role", "nadie", "cliente"], ""), Some(67));
    let bad = dir.join("bad.toml");
    std::fs::write(&bad, "[limits]\nrums = 3\n").expect("writes");
    let (bad, at) = (bad.display().to_string(), dir.display().to_string());
    assert_eq!(run(&["serve", "--config", &bad, "--data-dir", &at], &[]).status.code(), Some(78));
    assert_eq!(run(&["user", "list", "--config", &bad, "--data-dir", &at], &[]).status.code(), Some(78));
    // Arguments are visible to every user of the machine, so a password never comes from one.
    for args in [
        ["add", "eva", "--role", "cliente", "clave-larga"],
        ["add", "eva", "--role=cliente", "--password", "clave-larga"],
    ] {
        assert_eq!(user(&args, ""), Some(2), "{args:?}");
    }
    assert_eq!(user(&["add", "eva", "--role", "admin"], "la clave de eva"), Some(2), "no such role");
}

#[test]
fn demo_listens_on_loopback_only() {
    for (args, env) in [
        (vec!["demo", "--listen", "0.0.0.0:0"], vec![]),
        (vec!["demo"], vec![("HOST", "192.0.2.1"), ("PORT", "0")]),
    ] {
        let refused = run(&args, &env);
        assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
        assert!(said(&refused).contains("pichat serve"), "{}", said(&refused));
    }
    assert!(Server::demo().banner.contains("127.0.0.1"));
}

#[test]
fn first_start_prints_the_way_in() {
    let mut empty = Server::start(Options { serve: true, ..Options::default() });
    assert!(empty.banner.contains("pichat user add"), "{}", empty.banner);
    assert!(empty.banner.contains("ADMIN_PASS"), "{}", empty.banner);
    assert_eq!(Client::new(&empty).sign_in("admin", "admin123").status, 401, "no default account");
    empty.kill();

    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display().to_string();
    let weak = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &at], &[("ADMIN_PASS", "corta")]);
    assert!(matches!(weak.status.code(), Some(65 | 78)), "{}", said(&weak));
    assert!(
        !said(&weak).contains("corta\"") && !said(&weak).contains("=corta"),
        "the password is not repeated: {}",
        said(&weak)
    );
    let first = |pass: &str| {
        Server::start(Options {
            serve: true,
            ..Options::default().data_dir(folder.path()).env("ADMIN_PASS", pass)
        })
    };
    let mut server = first("una clave de entrada");
    assert_eq!(Client::new(&server).sign_in("admin", "una clave de entrada").json()["role"], "administrator");
    server.kill();
    let server = first("otra clave de entrada");
    assert_eq!(
        Client::new(&server).sign_in("admin", "otra clave de entrada").status,
        401,
        "only the first start heeds it"
    );
    assert_eq!(Client::new(&server).sign_in("admin", "una clave de entrada").status, 200);
}
