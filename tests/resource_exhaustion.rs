//! Exhausted resources: descriptors, disk, hashing threads. Requests are answered, members continue, nothing
//! is left over, and newcomers are served again once there is room.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};

use common::http::{multipart, read_response};
use common::metrics::{figure, read, watcher};
use common::server::eventually;
use common::{Client, Options, Response, Server, TRUSTING};

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const GENEROUS: &str = "[limits]\nuploads_per_minute = 1000\nupload_burst = 1000\ndownload_burst = 1000\ndownloads_per_minute = 1000\nconnections_per_address = 1000\n\
    request_burst = 100000\nsockets_per_session = 1000\n";

/// Sends one request on a kept connection.
fn ask(
    stream: &mut TcpStream,
    client: &Client,
    method: &str,
    path: &str,
    (kind, body): (&str, &[u8]),
) -> Response {
    let head =
        client.head(method, path, &[("Content-Type", kind), ("Content-Length", &body.len().to_string())]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    stream.write_all(body).expect("writes");
    read_response(stream, method == "HEAD").expect("an answer")
}

fn on_disk(server: &Server) -> usize {
    let entries = std::fs::read_dir(server.data_dir.join("cuarentena")).expect("the folder is there");
    entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != ".pichat-store")).count()
}

#[test]
fn out_of_descriptors_members_continue_newcomers_wait() {
    let server = Server::start(Options { open_files: Some(64), ..Options::config(GENEROUS) });
    let cliente = Client::cliente(&server);
    let (mut a, mut b) = (cliente.socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    let stored = cliente.upload("a.txt", b"a");
    let content = format!("{}/content", stored.header("location").expect("a place"));
    let mut inside = cliente.connect();
    let watching = Client { headers: watcher(&server).headers, ..cliente.clone() };
    let mut get = |path: &str| ask(&mut inside, &watching, "GET", path, ("", b""));
    assert_eq!(get("/api/session").status, 200);

    // Their connections serve users, so that none is evicted.
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = cliente.connect();
            write!(stream, "{}{UPGRADE}", cliente.head("GET", "/ws", &[])).expect("writes");
            stream
        })
        .collect();
    let refused = "pichat_refusals_total{at=\"connection\",reason=\"accept_failed\"}";
    let mut figures = || read(&get("/api/metrics").text());
    // A scrape needs one or two descriptors; once it finds none, the clients hold them all.
    eventually("there are none left", || {
        let figures = figures();
        figures.contains_key(refused) && !figures.contains_key("process_open_fds")
    });

    assert_eq!(a.send_message("sala", "sigo aquí")["type"], "sent");
    assert_eq!(b.recv_type("message")["text"], "sigo aquí");
    let (kind, body) = multipart("archivo", "b.txt", b"b");
    assert_eq!(
        ask(&mut inside, &cliente, "GET", "/api/files", ("", b"")).json().as_array().map(Vec::len),
        Some(1)
    );
    // The upload comes last: an answer before its body ends the connection.
    for (method, path, sent) in
        [("GET", &*content, ("", b"".as_slice())), ("POST", "/api/files", (kind.as_str(), body.as_slice()))]
    {
        let answer = ask(&mut inside, &cliente, method, path, sent);
        assert_eq!((answer.status, answer.code().as_str()), (503, "busy"), "{method} {path}");
        assert!(answer.header("retry-after").is_some(), "{method} {path}");
    }

    drop(crowd);
    // Connects at once and is accepted when the loop retries.
    assert_eq!(Client::new(&server).get("/api/health").status, 200);
    assert_eq!(cliente.upload("b.txt", b"b").status, 201);
    assert_eq!(cliente.get(&content).body, b"a");
    assert_eq!(a.send_message("sala", "y ahora todos")["type"], "sent");
    assert_eq!(on_disk(&server), 2, "refused uploads leave nothing");
}

#[test]
fn out_of_descriptors_strangers_are_evicted() {
    let server = Server::start(Options { open_files: Some(64), ..Options::config(GENEROUS) });
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    let (here, watcher) = (Client::new(&server), watcher(&server));
    let crowd: Vec<_> = (0..100).map(|_| here.connect()).collect();
    assert_eq!(here.get("/api/health").status, 200, "the last newcomer is served");
    assert!(figure(&watcher, "pichat_refusals_total{at=\"connection\",reason=\"yielded\"}") > 0);
    assert_eq!(a.send_message("sala", "sigo aquí")["type"], "sent");
    assert_eq!(b.recv_type("message")["text"], "sigo aquí");
    drop(crowd);
}

#[test]
fn out_of_disk_is_507_and_nothing_stays() {
    let server = Server::start(Options { largest_file_kib: Some(600), ..Options::config(GENEROUS) });
    let cliente = Client::cliente(&server);
    let mut socket = cliente.socket();
    socket.join_default("sala");
    assert_eq!(cliente.upload("a.bin", &[b'x'; 300 * 1024]).status, 201);
    let large = vec![b'x'; 1024 * 1024];
    for _ in 0..3 {
        let refused = cliente.upload("b.bin", &large);
        assert_eq!((refused.status, refused.code().as_str()), (507, "storage_full"));
    }
    eventually("nothing is left of them", || on_disk(&server) == 1);
    assert_eq!(socket.send_message("sala", "sigo")["type"], "sent");
    assert_eq!(cliente.upload("c.bin", &[b'x'; 300 * 1024]).status, 201, "what fits still comes in");
    let here = watcher(&server);
    assert_eq!(figure(&here, "pichat_refusals_total{at=\"http\",reason=\"storage_full\"}"), 3);
    assert_eq!(
        (figure(&here, "pichat_files"), figure(&here, "pichat_files_bytes")),
        (2, 600 * 1024),
        "nor counted"
    );
}

#[test]
fn full_hashing_queue_is_503_and_chat_continues() {
    // Twice the usual cost, so that the queue fills faster than it empties.
    let server =
        Server::start(Options::config(&format!("{TRUSTING}[accounts]\nargon2 = \"m=19456,t=4,p=1\"\n")));
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Each client has its own address, so that no other limit applies.
    let waiting: Vec<_> = (1..=cores + 64 + 80)
        .map(|n| {
            let from =
                Ipv4Addr::from_bits(Ipv4Addr::new(10, 1, 0, 0).to_bits() + u32::try_from(n).expect("small"));
            let client = Client::new(&server).with("X-Forwarded-For", &from.to_string());
            let body = format!("{{\"username\":\"nadie{n}\",\"password\":\"x\"}}");
            let head = client.head("POST", "/api/session", &[("Content-Type", "application/json")]);
            let mut stream = client.connect();
            write!(stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                .expect("writes");
            stream
        })
        .collect();
    assert_eq!(a.send_message("sala", "sigo aquí")["type"], "sent");
    assert_eq!(b.recv_type("message")["text"], "sigo aquí");
    b.join_default("otra");
    let (mut busy, mut wrong) = (0, 0);
    for mut stream in waiting {
        let answer = read_response(&mut stream, false).expect("every client gets an answer");
        match answer.status {
            503 => {
                assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("busy", Some("2")));
                busy += 1;
            }
            status => {
                assert_eq!(status, 401, "{}", answer.text());
                wrong += 1;
            }
        }
    }
    assert!(busy > 0 && wrong >= 64, "{busy} were told to come again, {wrong} had their turn");
    let here = watcher(&server);
    assert_eq!(figure(&here, "pichat_hash_refused_total{pool=\"accounts\"}"), busy);
    assert_eq!(figure(&here, "pichat_hash_waiting{pool=\"accounts\"}"), 0);
    assert_eq!(Client::cliente(&server).get("/api/session").status, 200, "and then there is room again");
}
