//! State after a power cut, an orderly shutdown and changes in the data folder.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::http::{multipart, read_response};
use common::server::eventually;
use common::{Client, Options, Response, Server};

const HASTE: &str = "[limits]\nuploads_per_minute = 1000000\nupload_burst = 1000000\ndownload_burst = 1000000\ndownloads_per_minute = 1000000\nrequests_per_minute = 1000000\n\
                     request_burst = 1000000\nconnections_per_address = 1000";
/// Time that the contract allows for draining, plus reserve for a busy machine.
const DRAINED: Duration = Duration::from_secs(15);

fn start(dir: &Path) -> Server {
    Server::start(Options::config(HASTE).data_dir(dir))
}

fn sha256(data: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, data).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writes");
        hex
    })
}

fn on_disk(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("cuarentena")).expect("the folder is there");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    // The folder's mark, and complete uploads that a cut left without an answer.
    names.retain(|name| name != ".pichat-store" && name != "perdidos");
    names.sort_unstable();
    names
}

/// Checks that every file matches its row and no other file exists; returns name and hash.
fn assert_consistent(server: &Server) -> BTreeMap<String, String> {
    let client = Client::cliente(server);
    let mut list = client.get("/api/files").json();
    // Files without an answer before the cut are inspected now.
    let pending = |list: &serde_json::Value| {
        list.to_string().contains("\"received\"") || list.to_string().contains("\"inspecting\"")
    };
    eventually("all were inspected", || {
        list = client.get("/api/files").json();
        !pending(&list)
    });
    let rows = list.as_array().expect("a list");
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().expect("text").to_owned();
    let mut ids: Vec<_> = rows.iter().map(|row| text(row, "id")).collect();
    ids.sort_unstable();
    assert_eq!(on_disk(&server.data_dir), ids, "the folder holds exactly the listed files");
    for row in rows {
        let content = client.get(&format!("/api/files/{}/content", text(row, "id")));
        assert_eq!(content.status, 200, "{row}");
        assert_eq!(
            (content.body.len() as u64, sha256(&content.body)),
            (row["size"].as_u64().expect("a size"), text(row, "sha256"))
        );
    }
    rows.iter().map(|row| (text(row, "name"), text(row, "sha256"))).collect()
}

/// Uploads to a server that may be killed meanwhile.
fn try_upload(client: &Client, name: &str, data: &[u8]) -> Option<Response> {
    let (kind, body) = multipart("archivo", name, data);
    let length = body.len().to_string();
    let mut stream = TcpStream::connect(client.addr).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let head = client.head(
        "POST",
        "/api/files",
        &[("Content-Type", &kind), ("Content-Length", &length), ("Connection", "close")],
    );
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(&body).ok()?;
    read_response(&mut stream, false).ok()
}

#[test]
fn power_cut_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut promised = BTreeMap::new();
    for (round, answers) in [1, 12, 30].into_iter().enumerate() {
        let mut server = start(folder.path());
        let client = Client::cliente(&server);
        let (next, stored) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= 50 {
                            return;
                        }
                        let data = vec![b'a' + (n % 26) as u8; n * 9001 % 300_000];
                        let name = format!("{round}-{n}.bin");
                        let Some(answer) = try_upload(&client, &name, &data) else { return };
                        assert_eq!(answer.status, 201, "{}", answer.text());
                        assert_eq!(answer.json()["sha256"], sha256(&data));
                        stored.lock().expect("no panic").push((name, sha256(&data)));
                    }
                });
            }
            eventually("enough were answered", || stored.lock().expect("no panic").len() >= answers);
            server.kill();
        });
        promised.extend(stored.into_inner().expect("no panic"));
        let server = start(folder.path());
        let found = assert_consistent(&server);
        for (name, hash) in &promised {
            assert_eq!(found.get(name), Some(hash), "{name} was answered 201");
        }
    }
}

/// Sends the head of an upload and half its body; returns the stream and the rest.
fn half_an_upload(client: &Client, server: &Server) -> (TcpStream, Vec<u8>) {
    let before = on_disk(&server.data_dir).len();
    let (kind, mut body) = multipart("archivo", "lento.bin", &vec![b'x'; 1_500_000]);
    let mut stream = client.connect();
    let length = body.len().to_string();
    let head = client.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let rest = body.split_off(700_000);
    stream.write_all(&body).expect("writes");
    eventually("it arrives", || on_disk(&server.data_dir).len() > before);
    (stream, rest)
}

/// Waits until the server accepts no new connection.
fn wait_until_it_drains(server: &Server) {
    eventually("no new connections", || {
        let Ok(mut stream) = TcpStream::connect(server.addr) else { return true };
        let asked =
            stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("sets");
        asked.is_err() || !matches!(stream.read(&mut [0; 16]), Ok(n) if n > 0)
    });
}

#[test]
fn partial_upload_is_gone_after_a_power_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path());
    let client = Client::cliente(&server);
    assert_eq!(client.upload("entero.txt", b"entero").status, 201);
    let _halves: Vec<_> = (0..3).map(|_| half_an_upload(&client, &server)).collect();
    server.kill();
    assert_eq!(on_disk(folder.path()).len(), 4, "the cut left remains");
    std::fs::write(folder.path().join("cuarentena/LEEME de la dueña.txt"), "no es de PiChat")
        .expect("writes");
    let server = start(folder.path());
    assert!(server.wait_for_line("event=file.swept").contains("count=3"));
    assert!(on_disk(folder.path()).contains(&"LEEME de la dueña.txt".to_owned()), "files of others stay");
    std::fs::remove_file(folder.path().join("cuarentena/LEEME de la dueña.txt")).expect("removes");
    assert_eq!(assert_consistent(&server).into_keys().collect::<Vec<_>>(), ["entero.txt"]);
}

#[test]
fn shutdown_lets_an_upload_finish() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path());
    let client = Client::cliente(&server);
    let mut socket = client.socket();
    socket.join_default("SALA");
    let (mut stream, rest) = half_an_upload(&client, &server);
    server.signal("TERM");
    let begun = Instant::now();
    assert_eq!(socket.close_code(), 1001);
    wait_until_it_drains(&server);
    // An upload in progress is finished or gone; a false answer is the failure.
    let answer = stream.write_all(&rest).ok().and_then(|()| read_response(&mut stream, false).ok());
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < DRAINED, "{:?}", begun.elapsed());
    let log = server.stderr();
    assert!(log.contains("event=server.stopping") && log.contains("event=server.stopped"), "{log}");
    let server = start(folder.path());
    let found = assert_consistent(&server);
    let stored = answer.is_some_and(|answer| answer.status == 201);
    assert_eq!(found.contains_key("lento.bin"), stored);
    assert!(stored, "the drain gives an upload that goes on its time");
}

#[test]
fn shutdown_does_not_wait_forever() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path());
    let client = Client::cliente(&server);
    let mut idle = client.connect();
    idle.write_all(format!("{}\r\n", client.head("GET", "/api/health", &[])).as_bytes()).expect("writes");
    assert_eq!(read_response(&mut idle, false).expect("an answer").status, 200);
    let mut sockets: Vec<_> = (0..4).map(|_| client.socket()).collect();
    let _stalled = half_an_upload(&client, &server);
    server.signal("TERM");
    let begun = Instant::now();
    for socket in &mut sockets {
        assert_eq!(socket.close_code(), 1001);
    }
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < DRAINED, "{:?}", begun.elapsed());
    assert_eq!(on_disk(folder.path()), [""; 0], "what could not finish is removed");
    let server = start(folder.path());
    assert!(assert_consistent(&server).is_empty());
    assert!(!server.stderr().contains("event=file.swept"), "there was nothing to sweep");
}

#[test]
fn idle_server_stops_at_once_on_either_signal() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::demo();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn file_whose_bytes_vanished_is_lost_and_stays_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path());
    let client = Client::cliente(&server);
    let lost = client.upload("perdido.txt", b"aqui estuve").json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(client.upload("queda.txt", b"aqui sigo").status, 201);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    std::fs::remove_file(folder.path().join("cuarentena").join(&lost)).expect("the bytes lie under the id");
    let server = start(folder.path());
    let line = server.wait_for_line("event=file.lost");
    assert!(line.contains(&format!("id={lost}")) && line.contains("name=perdido.txt"), "{line}");
    let client = Client::cliente(&server);
    assert_eq!(client.get(&format!("/api/files/{lost}")).json()["state"], "lost");
    assert_eq!(client.upload("perdido.txt", b"otra vez").json()["name"], "perdido (2).txt");
    assert_eq!(Client::admin(&server).delete(&format!("/api/files/{lost}")).status, 204);
    assert_eq!(assert_consistent(&server).into_keys().collect::<Vec<_>>(), ["perdido (2).txt", "queda.txt"]);
}
