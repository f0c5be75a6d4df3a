//! Requests octet by octet, and the statuses of their answers.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use super::{Client, Options, Server};

/// Request to sign in: status 200 shows that the body was read as intended.
pub const BODY: &str = r#"{"username":"cliente","password":"cliente123"}"#;

pub const CLOSE: &str = "Connection: close\r\n";
pub const HOST: &str = "Host: localhost\r\n";

pub fn generous_server() -> Server {
    Server::start(Options::config("[limits]\nrequests_per_minute = 100000\nrequest_burst = 10000\n"))
}

/// Sends octets and reads to the end; `hang_up` closes the sending side.
pub fn exchange(server: &Server, request: &[u8], hang_up: bool) -> Vec<u8> {
    let mut stream = Client::new(server).connect();
    // A server that refuses early may have closed already.
    let _ = stream.write_all(request);
    if hang_up {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Sends octets and reads to the end; returns the answers as text.
pub fn raw(server: &Server, request: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(&exchange(server, request.as_ref(), false)).into_owned()
}

/// Returns the statuses of all answers, interim ones included.
pub fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    let lines =
        text.match_indices("HTTP/1.").filter(|(at, _)| *at == 0 || text[..*at].ends_with(['\n', '}', '>']));
    lines.filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect()
}

/// Checks that each request gets one answer with one of the row's statuses, and that the connection ends.
#[track_caller]
pub fn assert_statuses(rows: &[(&str, String, &[u16])]) {
    let server = generous_server();
    for (what, request, want) in rows {
        let answer = exchange(&server, request.as_bytes(), false);
        let got = statuses(&answer);
        assert!(
            got.len() == 1 && want.contains(&got[0]),
            "{what}: {got:?}, not one of {want:?}: {request:?}"
        );
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(
            head.contains("\r\ndate: ") && head.contains("connection: close") != head.starts_with("http/1.0"),
            "{what}: {head}"
        );
        assert_eq!(Client::new(&server).get("/api/health").status, 200, "{what}: and the others are served");
    }
}

pub fn line(line: &str) -> String {
    format!("{line}\r\n{HOST}{CLOSE}\r\n")
}

pub fn fields(fields: &str) -> String {
    format!("GET /api/health HTTP/1.1\r\n{fields}{CLOSE}\r\n")
}

pub fn post(fields: &str, body: &str) -> String {
    format!("POST /api/session HTTP/1.1\r\n{HOST}{CLOSE}Content-Type: application/json\r\n{fields}\r\n{body}")
}

pub fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}
