//! `GET /api/files`: pages, their links, their count and tag, and what they cost.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::Write as _;
use std::net::TcpStream;

use common::archive::PE;
use common::metrics::{figure, watcher};
use common::server::eventually;
use common::{Client, Options, Response, Server};
use serde_json::Value;

const PATH: &str = "/api/files";

fn server() -> Server {
    Server::start(Options::config(
        "[limits]\nuploads_per_minute = 100000\nupload_burst = 100000\ndelete_burst = 100000\ndeletes_per_minute = 100000\nrequest_burst = 100000\n",
    ))
}

/// Inserts `count` file records into the database; the list reads records, not bytes.
fn fill(server: &Server, count: usize, name: impl Fn(usize) -> String, state: &str) {
    let mut db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    let tx = db.transaction().expect("begins");
    for n in 0..count {
        tx.execute(
            "INSERT INTO files (id, name, size, sha256, media_type, state, reasons, uploaded_by, uploaded_at)
             VALUES (?1, ?2, 1, zeroblob(32), 'text/plain', ?3, '', 'otra', 0)",
            rusqlite::params![format!("{n:032x}"), name(n), state],
        )
        .expect("inserts");
    }
    tx.commit().expect("commits");
}

fn names(page: &Response) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.text());
    let list = page.json();
    let name = |file: &Value| file["name"].as_str().expect("a name").to_owned();
    list.as_array().expect("a list").iter().map(name).collect()
}

/// Returns the relative address in `Link`.
fn next(page: &Response) -> Option<String> {
    let link = page.header("link")?;
    let (address, rest) = link.strip_prefix('<').and_then(|link| link.split_once('>')).expect("an address");
    assert!(address.starts_with("/api/files?") && rest == "; rel=\"next\"", "{link}");
    Some(address.to_owned())
}

/// Returns all names from an address on, with the size of each page.
fn walk(client: &Client, from: &str) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes, mut at) = (Vec::new(), Vec::new(), Some(from.to_owned()));
    while let Some(address) = at {
        let page = client.get(&address);
        let found = names(&page);
        sizes.push(found.len());
        all.extend(found);
        at = next(&page);
    }
    (all, sizes)
}

fn total(page: &Response) -> u64 {
    page.header("x-total-count").and_then(|count| count.parse().ok()).expect("a count")
}

fn tag(page: &Response) -> String {
    page.header("etag").expect("a tag").to_owned()
}

#[test]
fn pages_hold_each_file_once_newest_first() {
    let server = server();
    fill(&server, 450, |n| format!("{n:03}.txt"), "clean");
    let client = Client::usuario(&server);
    let expected: Vec<_> = (0..450).rev().map(|n| format!("{n:03}.txt")).collect();
    assert_eq!(walk(&client, PATH), (expected.clone(), vec![200, 200, 50]));
    assert_eq!(walk(&client, "/api/files?limit=7&sort=name&nada").0, expected);
    assert_eq!(walk(&client, "/api/files?limit=150").1, [150, 150, 150], "no empty page at the end");
    assert_eq!(walk(&client, "/api/files?limit=999999999999999999999").1, [450], "as many as there may be");
    assert_eq!(total(&client.get("/api/files?limit=1")), 450);
    assert_eq!(walk(&client, "/api/files?limit=&after=&state=").1, [200, 200, 50], "an empty value is none");
}

#[test]
fn page_has_at_most_five_hundred_files() {
    let server = server();
    fill(&server, 501, |n| format!("{n}.txt"), "clean");
    for limit in [500, 501, 10_000] {
        let page = Client::usuario(&server).get(&format!("/api/files?limit={limit}"));
        assert_eq!((names(&page).len(), total(&page), next(&page).is_some()), (500, 501, true), "{limit}");
    }
}

#[test]
fn unreadable_queries_are_refused() {
    let server = server();
    fill(&server, 3, |n| format!("{n}.txt"), "clean");
    let client = Client::usuario(&server);
    let page = client.get("/api/files?limit=1");
    let after = next(&page).expect("more");
    let (_, after) = after.split_once("after=").expect("a position");
    let (cut, longer, upper) = (&after[1..], format!("{after}0"), after.to_uppercase());
    for bad in [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=1e2",
        "limit=%20",
        "state=nada",
        "state=HELD",
        "after=1",
        "after=-",
    ] {
        let answer = client.get(&format!("/api/files?{bad}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{bad}");
    }
    for bad in [cut, &longer, &upper] {
        assert_eq!(client.get(&format!("/api/files?after={bad}")).status, 400, "{bad}");
    }
    assert_eq!(names(&client.get(&format!("/api/files?after={after}"))), ["1.txt", "0.txt"]);
}

#[test]
fn changes_between_pages_neither_hide_nor_repeat_files() {
    let server = server();
    let (cliente, admin) = (Client::cliente(&server), Client::admin(&server));
    let places: Vec<_> = (0..9)
        .map(|n| cliente.upload(&format!("{n}.txt"), b"x").header("location").expect("stored").to_owned())
        .collect();
    let first = cliente.get("/api/files?limit=3");
    assert_eq!(names(&first), ["8.txt", "7.txt", "6.txt"]);
    let second = next(&first).expect("more");
    // Deletes the last file of the page, which the link names, and one on either side; uploads another one.
    for gone in [6, 7, 4] {
        assert_eq!(admin.delete(&places[gone]).status, 204);
    }
    assert_eq!(cliente.upload("nuevo.txt", b"x").status, 201);
    assert_eq!(walk(&cliente, &second).0, ["5.txt", "3.txt", "2.txt", "1.txt", "0.txt"]);
    assert_eq!(total(&cliente.get(&second)), 7);
}

#[test]
fn page_link_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(Options::default().data_dir(folder.path()));
    let cliente = Client::cliente(&server);
    (0..3).for_each(|n| assert_eq!(cliente.upload(&format!("{n}.txt"), b"x").status, 201));
    let after = next(&cliente.get("/api/files?limit=1")).expect("more");
    server.kill();
    let again = Server::start(Options::default().data_dir(folder.path()));
    assert_eq!(names(&Client::cliente(&again).get(&after)), ["1.txt"]);
}

#[test]
fn hidden_files_change_neither_count_nor_tag_nor_order() {
    let server = server();
    let (usuario, cliente, admin) =
        (Client::usuario(&server), Client::cliente(&server), Client::admin(&server));
    assert_eq!(admin.upload("acta.txt", b"x").status, 201);
    let state = |client: &Client| {
        let page = client.get(PATH);
        (names(&page), total(&page), tag(&page))
    };
    let before = state(&usuario);
    assert_eq!(before.1, 1);
    let held = cliente.upload("factura.pdf.exe", PE);
    assert_eq!(held.status, 201);
    eventually("it is held", || {
        cliente.get(held.header("location").expect("a place")).json()["state"] == "suspicious"
    });
    assert_eq!(state(&usuario), before, "whose list it is not in");
    for sees in [&cliente, &admin] {
        let (names, total, tag) = state(sees);
        assert_eq!((names, total), (vec!["factura.pdf.exe".to_owned(), "acta.txt".to_owned()], 2));
        assert_ne!(tag, before.2);
    }
    for (client, held) in [(&usuario, 0), (&cliente, 1), (&admin, 1)] {
        let page = client.get("/api/files?state=held");
        assert_eq!((names(&page).len(), total(&page)), (held, held as u64));
        assert_eq!(total(&client.get("/api/files?state=suspicious")), held as u64);
        assert_eq!(total(&client.get("/api/files?state=clean")), 1);
        assert_eq!(total(&client.get("/api/files?state=infected")), 0);
    }
    assert_eq!(admin.delete(held.header("location").expect("a place")).status, 204);
    assert_eq!(state(&usuario), before);
}

#[test]
fn unchanged_list_answers_not_modified() {
    let server = server();
    fill(&server, 120, |n| format!("{n:03}{}.txt", "x".repeat(150)), "clean");
    let (client, cliente) = (Client::usuario(&server), Client::cliente(&server));
    for address in ["/api/files?limit=5", "/api/files?limit=100"] {
        let page = client.get(address);
        let tag = tag(&page);
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "weak: {tag}");
        for known in [tag.clone(), format!("\"x\", {tag}"), "*".to_owned()] {
            let same = client.send("GET", address, &[("If-None-Match", &known)], b"");
            assert_eq!(
                (same.status, same.body.len(), same.header("etag")),
                (304, 0, Some(tag.as_str())),
                "{known}"
            );
            assert_eq!((same.header("link"), total(&same)), (page.header("link"), total(&page)));
        }
        let head = client.send("HEAD", address, &[], b"");
        assert_eq!(
            (head.status, head.header("etag"), head.header("link")),
            (200, Some(tag.as_str()), page.header("link"))
        );
        assert_eq!(total(&head), total(&page));
        let stored = cliente.upload("otro.txt", b"x");
        let changed = client.send("GET", address, &[("If-None-Match", &tag)], b"");
        assert_eq!((changed.status, names(&changed)[0].as_str()), (200, "otro.txt"));
        assert_eq!(Client::admin(&server).delete(stored.header("location").expect("a place")).status, 204);
        assert_eq!(client.send("GET", address, &[("If-None-Match", &tag)], b"").status, 304, "as it was");
    }
}

#[test]
fn pages_are_counted_and_never_audited() {
    let server = server();
    let client = Client::usuario(&server);
    let watcher = watcher(&server);
    let seen = || figure(&watcher, "pichat_files_listed_total");
    assert_eq!(seen(), 0);
    let tag = tag(&client.get(PATH));
    assert_eq!(client.send("GET", PATH, &[("If-None-Match", &tag)], b"").status, 304);
    assert_eq!(client.get("/api/files?limit=0").status, 400);
    assert_eq!(seen(), 2);
    server.wait_for_line("event=login.ok");
    assert!(!server.stderr().contains("file.listed"));
}

/// Requests a full page and reads nothing of the answer, with the smallest receive buffer.
fn ask_and_wait(client: &Client) -> TcpStream {
    let mut stream = client.connect();
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4096).expect("sets");
    let head = client.head("GET", "/api/files?limit=500", &[]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    stream
}

#[test]
fn sixty_stalled_readers_cost_little_memory() {
    let server = server();
    fill(&server, 10_000, |n| format!("{n:05}{}.bat", "ñ".repeat(95)), "clean");
    let client = Client::usuario(&server);
    let page = client.get("/api/files?limit=500");
    assert_eq!((names(&page).len(), total(&page)), (500, 10_000));
    let watcher = watcher(&server);
    let answered = || figure(&watcher, "pichat_files_listed_total");
    let (before, asked) = (server.rss_kib("VmRSS"), answered());
    let readers: Vec<_> = (0..60).map(|_| ask_and_wait(&client)).collect();
    eventually("all are being answered", || answered() == asked + 60);
    let grown = server.rss_kib("VmRSS").saturating_sub(before);
    // 60 full pages of 250 KB are 15 MB; a copy of the whole list for each reader was 349 MB.
    assert!(grown < 10 * 1024, "{grown} KiB for 60 readers");
    drop(readers);
    assert_eq!(names(&client.get("/api/files?limit=500")).len(), 500);
}
