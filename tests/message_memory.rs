//! Message texts in the server's memory: present while a room keeps them, wiped afterwards.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use common::server::eventually;
use common::{Client, Server, Socket};

/// Bytes of one read; the overlap finds a text across two reads.
const PIECE: usize = 1 << 20;

/// Counts occurrences of `text` in the writable memory of process `pid`.
fn copies(pid: u32, text: &str) -> usize {
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of a child");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("reads");
    let mut found = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        if !rights.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (from, to) = range.split_once('-').expect("a range");
        let [mut at, to] = [from, to].map(|digits| u64::from_str_radix(digits, 16).expect("hexadecimal"));
        let mut piece = vec![0; PIECE + text.len()];
        while at < to {
            let len = piece.len().min(usize::try_from(to - at).expect("fits"));
            let read = memory.read_at(&mut piece[..len], at).unwrap_or(0);
            found += memchr::memmem::find_iter(&piece[..read], text.as_bytes())
                .filter(|place| *place < PIECE)
                .count();
            at += PIECE as u64;
        }
    }
    found
}

fn say_all(socket: &mut Socket, canary: &str) {
    socket.send_message("sala", canary);
    socket.send_message("sala", &format!("{} {canary}", "relleno largo ".repeat(60)));
    socket.send_message("sala", &format!("ñandú \u{1F980} \"{canary}\" \\ \u{202e}"));
    // Two fragments, which the library joins.
    let text = format!("{{\"type\":\"send\",\"ref\":\"f\",\"room\":\"sala\",\"text\":\"{canary}\"}}");
    socket.send_fragments(&text);
    assert_eq!(socket.recv_type("sent")["ref"], "f");
}

#[test]
fn message_text_is_wiped_with_its_room() {
    let server = Server::demo();
    let canary = format!("canario-{:x}", std::process::id());
    let (mut ana, mut eva) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    for socket in [&mut ana, &mut eva] {
        socket.join_default("sala");
    }
    say_all(&mut ana, &canary);
    for _ in 0..4 {
        eva.recv_type("message");
    }
    assert!(copies(server.pid(), &canary) >= 4, "the ring keeps four messages, and this search finds them");
    for mut socket in [ana, eva] {
        socket.request(serde_json::json!({"type": "leave", "room": "sala"}));
        socket.close();
    }
    eventually("all sockets closed", || server.stderr().matches("event=socket.closed").count() == 2);
    assert_eq!(copies(server.pid(), &canary), 0);
}
