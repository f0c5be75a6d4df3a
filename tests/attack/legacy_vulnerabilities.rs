//! The seventeen vulnerabilities of the Python program that PiChat replaces, each tried against this one. The
//! table stands in `docs/SECURITY-MODEL.md`. `cargo test --test attack no_legacy_vulnerability` prints the
//! number that succeed: none.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use serde_json::json;

use super::raw_bytes::GENEROUS;
use super::{legacy_vulnerabilities_chat, legacy_vulnerabilities_web};
use crate::common::server::pichat_command;
use crate::common::{Client, Options, Server};

const LIST: [(&str, fn()); 17] = [
    ("an anonymous request resets the administrator", seed_01_emergency_setup),
    ("a cookie signed with the public default key", seed_02_default_key),
    ("a session bound to an address that the client names itself", seed_03_forwarded_for),
    ("a room without knowing its password", seed_04_room_password),
    ("orders from another web site, deletion by a link", seed_05_cross_site),
    ("a cookie after signing out", seed_06_logout),
    ("wrong passwords without end", seed_07_login_limit),
    ("locking another user out", seed_08_lock_out),
    ("names of users by the time of an answer", seed_09_timing),
    ("passwords in the clear at the start", seed_10_printed_passwords),
    ("a socket from another web site", seed_11_socket_origin),
    ("a flood of messages", seed_12_flood),
    ("a disk filled with files", seed_13_quota),
    ("a formula in the log", seed_14_log_formula),
    ("pages without security headers", seed_15_headers),
    ("a script in a message", seed_16_script_in_message),
    ("the accounts of the public source", seed_17_public_accounts),
];

#[test]
fn no_legacy_vulnerability_succeeds() {
    let attempts =
        LIST.map(|(_, attempt)| std::thread::spawn(move || catch_unwind(AssertUnwindSafe(attempt)).is_err()));
    let succeeded = attempts.map(|attempt| attempt.join().unwrap_or(true));
    let mut report = String::from("\nVulnerabilities of the Python program, tried against this server:\n");
    for (n, ((what, _), succeeded)) in LIST.iter().zip(succeeded).enumerate() {
        report.push_str(&format!(
            "  {:>2}  {what}: {}\n",
            n + 1,
            if succeeded { "SUCCEEDS" } else { "fails" }
        ));
    }
    let count = succeeded.iter().filter(|succeeded| **succeeded).count();
    report.push_str(&format!("{count} of {} succeed\n", LIST.len()));
    // Written past the harness, which shows output of failed tests only.
    let _ = std::io::stderr().write_all(report.as_bytes());
    assert_eq!(count, 0, "{report}");
}

fn seed_01_emergency_setup() {
    legacy_vulnerabilities_web::emergency_setup_route_is_absent();
}

fn seed_02_default_key() {
    // Cookie of the Python program, signed by Flask with "a-very-secret-key-for-dev":
    // {"_fresh":true,"_id":…,"_user_id":"admin"}.
    let signed = "eyJfZnJlc2giOnRydWUsIl91c2VyX2lkIjoiYWRtaW4ifQ.aNV0AA.2kYc7Qm3rVwWnM4bUqH1yQ0sXyE";
    let server = Server::start(Options::config(GENEROUS));
    let name = server.cookie_name();
    for cookie in [
        format!("session={signed}"),
        format!("{name}={signed}"),
        format!("session={signed}; {name}={signed}"),
    ] {
        let forger = Client { cookie: Some(cookie), ..Client::new(&server) };
        assert_eq!((forger.get("/api/session").status, forger.handshake(&[]).0.status), (401, 401));
    }
    // A start with that key is refused.
    let folder = tempfile::tempdir().expect("a folder");
    let mut start = pichat_command();
    start.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    let refused = start.env("SECRET_KEY", "a-very-secret-key-for-dev").output().expect("runs");
    assert!(!refused.status.success(), "a start with the public key");
}

fn seed_03_forwarded_for() {
    legacy_vulnerabilities_web::forwarded_for_is_not_believed();
    let server = Server::start(Options::config(GENEROUS));
    let known = Client::cliente(&server);
    let stranger = Client::new(&server).with("X-Forwarded-For", "127.0.0.1");
    assert_eq!((known.get("/api/session").status, stranger.get("/api/session").status), (200, 401));
}

fn seed_04_room_password() {
    legacy_vulnerabilities_chat::wrong_room_password_is_refused();
    legacy_vulnerabilities_chat::sending_into_a_room_without_joining_is_refused();
}

fn seed_05_cross_site() {
    legacy_vulnerabilities_web::foreign_origin_is_refused_on_forms_and_api();
    legacy_vulnerabilities_web::get_changes_nothing();
}

fn seed_06_logout() {
    legacy_vulnerabilities_web::logout_ends_the_session();
    legacy_vulnerabilities_chat::logout_ends_the_session_and_its_sockets();
}

fn seed_07_login_limit() {
    legacy_vulnerabilities_web::login_limit_counts_failures_only();
}

fn seed_08_lock_out() {
    legacy_vulnerabilities_web::stranger_cannot_lock_a_user_out();
}

fn seed_09_timing() {
    legacy_vulnerabilities_web::timing_reveals_no_user_names();
}

fn seed_10_printed_passwords() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = r#"[{"username":"jefa","password":"lirio azul 77","role":"administrator"}]"#;
    let options = Options { serve: true, ..Options::default().data_dir(folder.path()) };
    let server = Server::start(options.env("USERS_JSON_LAST", users).env("ADMIN_PASS", "cedro gris 88"));
    assert_eq!(Client::new(&server).sign_in("admin", "cedro gris 88").status, 200, "the variable is heeded");
    server.wait_for_line("event=login.ok");
    let printed = format!("{}{}", server.banner, server.stderr());
    for secret in ["cedro gris", "lirio azul", "argon2id$"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let seen = Command::new("ps")
        .args(["-ww", "-o", "args=", "-p", &server.pid().to_string()])
        .output()
        .expect("ps runs");
    assert!(
        !String::from_utf8_lossy(&seen.stdout).contains("cedro gris"),
        "nor is it in the list of processes"
    );
}

fn seed_11_socket_origin() {
    legacy_vulnerabilities_chat::foreign_origin_is_refused_on_the_socket();
}

fn seed_12_flood() {
    legacy_vulnerabilities_chat::message_flood_is_limited();
    let server = Server::demo();
    let mut socket = Client::cliente(&server).socket();
    socket.join_default("sala");
    for _ in 0..20 {
        socket.send_message("sala", "x");
    }
    socket.close();
    server.wait_for_line("event=socket.closed");
    let lines = server.stderr().lines().filter(|line| line.contains("room=sala")).count();
    assert!(lines <= 3, "no line a message: {}", server.stderr());
}

fn seed_13_quota() {
    let server = Server::start(Options::config(&format!(
        "[files]\nmax_file_mib = 1\nmax_total_mib = 2\nuser_mib = 2\nuser_files = 4\n{GENEROUS}files = 4\n"
    )));
    let client = Client::cliente(&server);
    let data = vec![1; 800 * 1024];
    let statuses: Vec<_> = (0..4).map(|n| client.upload(&format!("{n}.bin"), &data).status).collect();
    assert_eq!(statuses, [201, 201, 507, 507], "so many bytes");
    let statuses: Vec<_> = (0..4).map(|n| client.upload(&format!("{n}.txt"), b"x").status).collect();
    assert_eq!(statuses, [201, 201, 507, 507], "so many files");
}

fn seed_14_log_formula() {
    let server = Server::start(Options::config(GENEROUS));
    let formulas = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1"];
    for formula in formulas {
        assert_eq!(Client::new(&server).sign_in(formula, "x").status, 401);
        assert!(matches!(
            Client::cliente(&server).upload(&formula.replace('\r', "%0d"), b"x").status,
            201 | 422
        ));
    }
    server.wait_for_line("event=login.failed");
    for line in server.stderr().lines() {
        assert!(line.starts_with("event="), "{line}");
        assert!(
            line.split([',', ';', '\t']).all(|cell| !cell.trim_start_matches('"').starts_with(['=', '@'])),
            "no cell of it is a formula: {line}"
        );
    }
    let csv = std::fs::read_dir(&server.data_dir)
        .expect("a folder")
        .filter_map(Result::ok)
        .any(|e| e.path().extension().is_some_and(|x| x == "csv"));
    assert!(!csv, "and there are no tables to open");
}

fn seed_15_headers() {
    legacy_vulnerabilities_web::security_headers_are_there();
}

fn seed_16_script_in_message() {
    legacy_vulnerabilities_chat::html_in_messages_is_not_escaped_by_the_server();
    // Pages insert texts as text: `a03_injection` checks that no script makes HTML of text.
    let server = Server::demo();
    let page = Client::cliente(&server).get("/chat");
    let csp = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(
        csp.contains("script-src 'self';") && !csp.contains("unsafe"),
        "a script that got in would not run: {csp}"
    );
    assert!(
        !page.text().contains("http://") && !page.text().contains("https://"),
        "nothing comes from elsewhere"
    );
}

fn seed_17_public_accounts() {
    let known = [("arachne", "Um4.PqN+_?7s"), ("demo1", "demo1pass")];
    let demo = Server::demo();
    for (user, password) in known {
        assert_eq!(Client::new(&demo).sign_in(user, password).status, 401, "{user}");
    }
    let program = std::fs::read(env!("CARGO_BIN_EXE_pichat")).expect("the program");
    for (_, password) in known {
        assert!(
            !program.windows(password.len()).any(|w| w == password.as_bytes()),
            "{password} is in the program"
        );
    }
    let users = vec![("jefa", "la clave de jefa", "administrator")];
    let server = Server::start(Options { users, ..Options::default() });
    let answer =
        Client::new(&server).post_json("/api/session", &json!({"username": "admin", "password": "admin123"}));
    assert_eq!(answer.status, 401, "and there are no default accounts");
}
