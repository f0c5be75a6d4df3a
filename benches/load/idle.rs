//! What a person costs who is in a room and says nothing: memory of the server for a joined socket, ten in a room, and what of it is given
//! back when all have gone.
//!
//! `cargo bench --bench idle`. Prints a table and judges nothing but that nobody is hung up on. A room's share (a tenth) is in it.
//! An allocator that keeps what it once had for a hash (2 MiB for a room's password, 19 MiB for a sign-in) has room for many sockets before it
//! grows, or has grown by some of that: the second half says more than the whole, and ten thousand more than one thousand.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::time::{Duration, Instant};

use common::metrics::{figure, watcher};
use loadgen::Crowd;
use loadgen::host::{Host, OPEN_WIDE};
use loadgen::stats::{is_small, raise_file_limit};

const SOCKETS: [usize; 2] = [1_000, 10_000];
const OF_A_ROOM: usize = 10;
/// Before anything is counted: threads have begun, a room's password was hashed, as many things as these need were made once.
const WARM: usize = 200;
/// What a join does beside answering is over by then.
const SETTLE: Duration = Duration::from_secs(2);
/// A place is given up after a second, its room ends, the sweep comes every second, and ten thousand have to be closed.
const LEAVING: Duration = Duration::from_secs(30);

fn main() {
    let allowed = raise_file_limit();
    let small = is_small();
    println!(
        "{:<6} {:>8} | {:>10} {:>10} {:>10} | {:>8} {:>8} | {:>10} | {:>8}",
        "", "sockets", "before KiB", "half KiB", "with KiB", "KiB each", "2nd half", "after KiB", "joins/s"
    );
    for tls in [false, true] {
        for sockets in if small { &[100][..] } else { &SOCKETS[..] } {
            if (sockets + 200) as u64 > allowed {
                println!("{sockets} sockets: only {allowed} files may be open here");
                continue;
            }
            measure(tls, *sockets);
        }
    }
}

fn measure(tls: bool, sockets: usize) {
    let settings = format!("[chat]\nresume_grace_seconds = 1\nempty_room_minutes = 0\n{OPEN_WIDE}");
    let host = Host::start(tls, &settings);
    let (gate, cookie) = (host.gate(), host.sign_in("beto"));
    let warm = Crowd::new();
    warm.gather(&gate, &cookie, 0..WARM, OF_A_ROOM);
    drop(warm);
    std::thread::sleep(2 * SETTLE);
    let before = host.rss_kib();

    let crowd = Crowd::new();
    let start = Instant::now();
    crowd.gather(&gate, &cookie, 0..sockets / 2, OF_A_ROOM);
    let joins_per_s = (sockets / 2) as f64 / start.elapsed().as_secs_f64();
    crowd.wait(SETTLE);
    let half = host.rss_kib();
    crowd.gather(&gate, &cookie, sockets / 2..sockets, OF_A_ROOM);
    crowd.wait(SETTLE);
    let with = host.rss_kib();
    assert!(crowd.closed().is_empty(), "nobody is hung up on: {:?}", crowd.closed());
    drop(crowd);

    let here = match &host {
        Host::Plain(server) => watcher(server),
        Host::Tls(secure) => secure.plain(),
    };
    // The plain side of a server with TLS only tells the way to the other.
    let start = Instant::now();
    let gone = || if tls { start.elapsed() > LEAVING / 3 } else { figure(&here, "pichat_seats") == 0 };
    while !gone() {
        assert!(start.elapsed() < LEAVING, "places stay");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(SETTLE);
    let after = host.rss_kib();
    println!(
        "{:<6} {sockets:>8} | {before:>10} {half:>10} {with:>10} | {:>8.2} {:>8.2} | {after:>10} | {joins_per_s:>8.0}",
        if tls { "TLS" } else { "plain" },
        with.saturating_sub(before) as f64 / sockets as f64,
        with.saturating_sub(half) as f64 / (sockets - sockets / 2) as f64,
    );
}
