//! Memory of a joined socket that sends nothing, ten in a room, and the memory that is freed when all are
//! closed. The memberships of their sessions stay.
//!
//! `cargo bench --bench idle` prints a table and fails only if a socket is closed. A tenth of a room is part
//! of each figure. An allocator that keeps the memory of a hash (2 MiB for a room, 19 MiB for a sign-in)
//! serves many sockets from it. So the second half says more than the whole, and 10,000 sockets more than
//! 1,000.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints a table"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::time::{Duration, Instant};

use common::metrics::{figure, watcher};
use loadgen::Clients;
use loadgen::host::{Host, UNLIMITED};
use loadgen::stats::{is_small, raise_file_limit};

const SOCKETS: [usize; 2] = [1_000, 10_000];
const MEMBERS_PER_ROOM: usize = 10;
/// A session is a member of at most 16 rooms.
const SOCKETS_PER_SESSION: usize = 16 * MEMBERS_PER_ROOM;
/// Warms up threads, hashing and buffers before the first measurement.
const WARM_UP_SOCKETS: usize = 200;
/// Time after which the background work of joins is done.
const SETTLE: Duration = Duration::from_secs(2);
/// Bound on leaving: 10,000 sockets are closed.
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
    let host = Host::start(tls, UNLIMITED);
    let connector = host.connector();
    let people: Vec<_> = (0..sockets.max(WARM_UP_SOCKETS).div_ceil(SOCKETS_PER_SESSION))
        .map(|_| host.sign_in("beto"))
        .collect();
    let connect = |clients: &Clients, numbers: std::ops::Range<usize>| {
        for (n, cookie) in people.iter().enumerate() {
            let own = n * SOCKETS_PER_SESSION..(n + 1) * SOCKETS_PER_SESSION;
            let part = numbers.start.max(own.start)..numbers.end.min(own.end);
            if !part.is_empty() {
                clients.connect_all(&connector, cookie, part, MEMBERS_PER_ROOM);
            }
        }
    };
    let warm = Clients::new();
    connect(&warm, 0..WARM_UP_SOCKETS);
    drop(warm);
    std::thread::sleep(2 * SETTLE);
    let before = host.rss_kib();

    let clients = Clients::new();
    let start = Instant::now();
    connect(&clients, 0..sockets / 2);
    let joins_per_s = (sockets / 2) as f64 / start.elapsed().as_secs_f64();
    clients.wait(SETTLE);
    let half = host.rss_kib();
    connect(&clients, sockets / 2..sockets);
    clients.wait(SETTLE);
    let with = host.rss_kib();
    assert!(clients.closed().is_empty(), "sockets were closed: {:?}", clients.closed());
    drop(clients);

    let here = match &host {
        Host::Plain(server) => watcher(server),
        Host::Tls(secure) => secure.plain(),
    };
    // The plain port of a server with TLS has no metrics.
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
