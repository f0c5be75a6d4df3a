//! Files: path encodings, names, false types, numbers without end.
//!
//! Elsewhere: names that people use and how they are repaired (`tests/files.rs`, `quarantine/file_name.rs`),
//! nothing is overwritten and the largest size (`legacy_vulnerabilities_web`), the store's bounds, uploads
//! that are cut off (`tests/files.rs`), what is in a file (`tests/inspection.rs`), ids (`a01_access`),
//! headers by name (`a03_injection`).

use serde_json::json;

use super::raw_bytes::{GENEROUS, raw, statuses};
use crate::common::http::multipart;
use crate::common::{Client, Options, Server};

/// Encodings of `../` that have fooled servers.
const UP: [&str; 24] = [
    "../",
    "..\\",
    "..%2f",
    "..%5c",
    "%2e%2e/",
    "%2e%2e%2f",
    "%2e%2e%5c",
    "%252e%252e%252f",
    "%25252e%25252e%25252f",
    "..%252f",
    "..%255c",
    "..%c0%af",
    "%c0%ae%c0%ae%c0%af",
    "..%e0%80%af",
    "..%f0%80%80%af",
    "..%uff0f",
    "%u002e%u002e%u2215",
    "..%ef%bc%8f",
    "....//",
    "....\\/",
    "..;/",
    ".%00./",
    "..%00/",
    "..%0d%0a/",
];

#[test]
fn path_encodings_do_not_escape_the_store() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::admin(&server);
    let before = folder_names(&server);
    for up in UP {
        for depth in [1, 3, 8] {
            for target in ["etc/passwd", "pichat.db", "pages/chat.html", "Cargo.toml", "windows/win.ini"] {
                for prefix in ["/static/", "/static/css/", "/api/files/", "/", "/descargar/"] {
                    let path = format!("{prefix}{}{target}", up.repeat(depth));
                    // Raw, since a client would normalise it.
                    let cookie = client.cookie.as_deref().expect("a cookie");
                    let answer = raw(
                        &server,
                        format!(
                            "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
                        ),
                    );
                    let seen = statuses(&answer);
                    assert!(matches!(seen.as_slice(), [400 | 404 | 405]), "{path}: {seen:?}");
                    for inside in ["root:", "SQLite format", "[package]"] {
                        assert!(!answer.contains(inside), "{path}: {inside}");
                    }
                }
            }
        }
        let answer = raw(
            &server,
            format!(
                "DELETE /api/files/{up}pichat.db HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nConnection: close\r\n\r\n",
                client.cookie.as_deref().expect("a cookie")
            ),
        );
        assert!(matches!(statuses(&answer).as_slice(), [400 | 404 | 405]), "{up}: {answer}");
    }
    for absolute in [
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/file:///etc/passwd",
        "/static/C:%5cwindows",
        "/static/.",
        "/static/..",
        "/static/css",
        "/static/css/",
    ] {
        assert!(matches!(client.get(absolute).status, 400 | 404), "{absolute}");
    }
    assert_eq!(folder_names(&server), before);
}

/// Returns every name below the data folder.
fn folder_names(server: &Server) -> Vec<String> {
    fn walk(folder: &std::path::Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            into.push(entry.path().to_string_lossy().into_owned());
            if entry.path().is_dir() {
                walk(&entry.path(), into);
            }
        }
    }
    let mut names = Vec::new();
    walk(server.data_dir.parent().expect("a parent"), &mut names);
    names.sort_unstable();
    names
}

#[test]
fn upload_name_never_becomes_a_disk_path() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let mut names: Vec<String> = UP.iter().map(|up| format!("{}tmp/evil.txt", up.repeat(3))).collect();
    names.extend(
        [
            "/etc/cron.d/evil",
            "C:\\windows\\evil.dll",
            "\\\\server\\share\\evil",
            "~/.ssh/authorized_keys",
            "-rf",
            "--help",
            "$(id)",
            "`id`",
            "|id",
            "con",
            "NUL.txt",
            "evil.txt ",
            "evil.txt.",
            "evil.php%00.txt",
            ".htaccess",
            "pichat.db",
            "a/b/c",
            "%2e%2e",
            "tmp-00000000000000000000000000000000",
        ]
        .map(str::to_owned),
    );
    let before = folder_names(&server);
    let mut stored = 0;
    for name in &names {
        let answer = client.upload(name, b"evil bytes");
        assert!(matches!(answer.status, 201 | 422), "{name:?}: {}", answer.text());
        if answer.status == 201 {
            stored += 1;
            let shown = answer.json()["name"].as_str().expect("a name").to_owned();
            assert!(
                !shown.contains(['/', '\\', '\0']) && shown != "." && shown != "..",
                "{name:?} became {shown:?}"
            );
        }
    }
    let new: Vec<_> = folder_names(&server).into_iter().filter(|name| !before.contains(name)).collect();
    for name in &new {
        let last = name.rsplit('/').next().expect("a name");
        assert!(last.len() == 32 && last.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    }
    assert_eq!(new.len(), stored, "each under its own random name");
}

#[test]
fn files_are_never_rendered_inline() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let files: [(&str, &str, &[u8]); 7] = [
        ("a.html", "text/html", b"<script>alert(1)</script>"),
        ("a.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.js", "text/javascript", b"alert(1)"),
        ("a.pdf", "application/pdf", b"%PDF-1.4\n<script>alert(1)</script>"),
        ("a.gif", "image/gif", b"GIF89a/*<script>*/=1;alert(1)//"),
        (
            "a.xml",
            "text/xml",
            b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
        ),
        ("a.css", "text/css", b"*{background:url(http://evil.example)}"),
    ];
    for (name, kind, data) in files {
        let boundary = "b0undary";
        let mut body = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n").into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let answer = client.send(
            "POST",
            "/api/files",
            &[("Content-Type", &format!("multipart/form-data; boundary={boundary}"))],
            &body,
        );
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
        let content = client.send(
            "GET",
            &format!("{}/content", answer.header("location").expect("a place")),
            &[("Accept", "text/html"), ("Sec-Fetch-Dest", "iframe")],
            b"",
        );
        // Held or delivered, but never as a page.
        if content.status == 200 {
            assert_eq!(content.header("content-type"), Some("application/octet-stream"), "{name}");
            assert!(
                content.header("content-disposition").is_some_and(|d| d.starts_with("attachment")),
                "{name}"
            );
            assert!(
                content.header("content-security-policy").is_some_and(|c| c.starts_with("sandbox;")),
                "{name}"
            );
            assert_eq!(content.body, data, "and not a byte of it is changed");
        } else {
            assert_eq!(content.code(), "held", "{name}");
        }
    }
}

#[test]
fn false_size_is_ignored() {
    let server = Server::start(Options::config(&format!(
        "[files]\nmax_file_mib = 1\nmax_total_mib = 2\nuser_mib = 2\n{GENEROUS}"
    )));
    let client = Client::cliente(&server);
    let (kind, body) = multipart("archivo", "a", &vec![7; 1024 * 1024 + 1]);
    // Declared small, and chunked without a length: the received bytes count.
    let mut chunked = format!(
        "{}Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n",
        client.head("POST", "/api/files", &[])
    )
    .into_bytes();
    for piece in body.chunks(60_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(statuses(&raw(&server, &chunked)), [413]);
    let short = format!(
        "{}Content-Type: {kind}\r\nContent-Length: 100\r\nConnection: close\r\n\r\n",
        client.head("POST", "/api/files", &[])
    );
    assert_eq!(
        statuses(&raw(&server, [short.as_bytes(), &body[..100]].concat())),
        [400],
        "cut at the declared length"
    );
    let huge = format!(
        "{}Content-Type: {kind}\r\nContent-Length: 18446744073709551615\r\n\r\n",
        client.head("POST", "/api/files", &[])
    );
    assert_eq!(statuses(&raw(&server, huge)), [400]);
    for chunk in ["ffffffffffffffff", "fffffffffffffffff", "-1", "0x5", "5 5", "+5", "g"] {
        let bad = format!(
            "{}Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}\r\nxxxxx\r\n0\r\n\r\n",
            client.head("POST", "/api/files", &[])
        );
        let mut stream = client.connect();
        std::io::Write::write_all(&mut stream, bad.as_bytes()).expect("writes");
        // A chunk of 2⁶⁴ − 1 bytes; the test does not wait for its end.
        stream.shutdown(std::net::Shutdown::Write).expect("shuts down");
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
        let seen = statuses(&String::from_utf8_lossy(&answer));
        assert!(seen.iter().all(|s| (400..500).contains(s)) && seen.len() <= 1, "{chunk}: {seen:?}");
    }
    assert_eq!(client.get("/api/files").json(), json!([]), "none of these is a file");
    assert_eq!(client.upload("entero.txt", b"x").status, 201);
}
