//! Effect of one client that reads nothing on fifty that read: latency, memory, and the end of the slow one.
//!
//! `cargo bench --bench slow_consumer` prints a table and fails only if one of the fifty loses a message.
//! Rounds with and without the slow client alternate, so that other load falls on both.
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
use loadgen::host::{Host, UNLIMITED};
use loadgen::stats::{is_small, percentile};
use loadgen::{Clients, room};
use tokio::io::AsyncReadExt as _;

const READERS: usize = 50;
/// Interval of messages of 4 KB.
const PACE: Duration = Duration::from_millis(10);
const MESSAGES: usize = 1_000;
const ROUNDS: usize = 3;
/// Receive buffer of the slow client: soon full, so that the server must queue.
const BUFFER: u32 = 4096;

struct Figures {
    latencies: Vec<f64>,
    peak_kib: u64,
}

fn main() {
    let small = is_small();
    let (rounds, messages) = if small { (1, 100) } else { (ROUNDS, MESSAGES) };
    let host = Host::start(false, UNLIMITED);
    let (connector, cookie) = (host.connector(), host.sign_in("beto"));
    let mut clients = Clients::new();
    clients.connect_all(&connector, &cookie, 0..READERS, READERS);
    clients.start_sender(&connector, &cookie, &"🦀".repeat(1000));
    clients.open_loop(PACE, messages / 10);
    let start_kib = host.rss_kib();
    let (mut without, mut with) =
        (Figures { latencies: Vec::new(), peak_kib: 0 }, Figures { latencies: Vec::new(), peak_kib: 0 });
    let mut ends = Vec::new();
    for _ in 0..rounds {
        without.add(&host, clients.open_loop(PACE, messages).latencies);
        let mut slow = clients.open(connector.enter_with(&cookie, room(0), Some(BUFFER)));
        let closed = closes(&host);
        let log_before = host.server().stderr().len();
        with.add(&host, clients.open_loop(PACE, messages).latencies);
        let too_slow = closes(&host) - closed;
        // Reads all that was sent to it, up to the end.
        let mut left = Vec::new();
        let read = clients
            .open(async { tokio::time::timeout(Duration::from_secs(3), slow.read_to_end(&mut left)).await });
        let code = code(&host, log_before);
        ends.push(format!(
            "counted as slow {too_slow} times, closed with {}; {} KiB were left in the kernel{}",
            code.unwrap_or_else(|| "nothing".to_owned()),
            left.len() / 1024,
            if read.is_ok() { ", then the end" } else { ", and it is open" },
        ));
    }
    assert!(clients.closed().is_empty(), "other sockets were closed: {:?}", clients.closed());
    println!("{READERS} readers, {} messages of 4 KB each way, 100 a second", rounds * messages);
    println!("{:<26} {:>8} {:>8} {:>12}", "", "p50 ms", "p99 ms", "memory KiB");
    println!("{:<26} {:>8} {:>8} {start_kib:>12}", "before", "", "");
    without.print("without");
    with.print("with one slow client");
    for end in ends {
        println!("the slow client: {end}");
    }
}

fn closes(host: &Host) -> u64 {
    figure(&watcher(host.server()), "pichat_sockets_too_slow_total")
}

/// Returns the close code of the first closed socket in the log after byte `from`.
fn code(host: &Host, from: usize) -> Option<String> {
    let over = Instant::now() + Duration::from_secs(2);
    while Instant::now() < over {
        let log = host.server().stderr();
        let mut lines = log[from..].lines().filter(|line| line.contains("event=socket.closed"));
        if let Some((_, rest)) = lines.next().and_then(|line| line.split_once("code=")) {
            return rest.split(' ').next().map(str::to_owned);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

impl Figures {
    fn add(&mut self, host: &Host, latencies: Vec<f64>) {
        self.latencies.extend(latencies);
        self.peak_kib = self.peak_kib.max(host.rss_kib());
    }

    fn print(&mut self, name: &str) {
        self.latencies.sort_by(f64::total_cmp);
        let [half, most] = [50, 99].map(|percent| percentile(&self.latencies, percent));
        println!("{name:<26} {half:>8.2} {most:>8.2} {:>12}", self.peak_kib);
    }
}
