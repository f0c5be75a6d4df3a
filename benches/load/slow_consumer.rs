//! One who reads nothing, among fifty who read: how much later the others get their messages, what it costs the server, and how it ends.
//!
//! `cargo bench --bench slow_consumer`. Prints a table and judges nothing but that the fifty get everything. With and without in turn, so
//! that what else the machine does falls on both.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::time::{Duration, Instant};

use common::metrics::{figure, watcher};
use loadgen::host::{Host, OPEN_WIDE};
use loadgen::stats::{is_small, percentile};
use loadgen::{Crowd, room};
use tokio::io::AsyncReadExt as _;

const READERS: usize = 50;
/// 100 messages of 4 KB a second.
const PACE: Duration = Duration::from_millis(10);
const MESSAGES: usize = 1_000;
const ROUNDS: usize = 3;
/// A kernel's buffer that is soon full: what the server must keep begins early.
const BUFFER: u32 = 4096;

struct Figures {
    ages: Vec<f64>,
    peak_kib: u64,
}

fn main() {
    let small = is_small();
    let (rounds, messages) = if small { (1, 100) } else { (ROUNDS, MESSAGES) };
    let host = Host::start(false, OPEN_WIDE);
    let (gate, cookie) = (host.gate(), host.sign_in("beto"));
    let mut crowd = Crowd::new();
    crowd.gather(&gate, &cookie, 0..READERS, READERS);
    crowd.let_speak(&gate, &cookie, &"🦀".repeat(1000));
    crowd.speak_at_pace(PACE, messages / 10);
    let start_kib = host.rss_kib();
    let (mut without, mut with) = (Figures { ages: Vec::new(), peak_kib: 0 }, Figures { ages: Vec::new(), peak_kib: 0 });
    let mut ends = Vec::new();
    for _ in 0..rounds {
        without.add(&host, crowd.speak_at_pace(PACE, messages).ages);
        let mut slow = crowd.open(gate.enter_with(&cookie, room(0), Some(BUFFER)));
        let closed = closes(&host);
        let log_before = host.server().stderr().len();
        with.add(&host, crowd.speak_at_pace(PACE, messages).ages);
        let too_slow = closes(&host) - closed;
        // It reads now what it was sent before, up to the end.
        let mut left = Vec::new();
        let read = crowd.open(async { tokio::time::timeout(Duration::from_secs(3), slow.read_to_end(&mut left)).await });
        let code = code(&host, log_before);
        ends.push(format!(
            "counted as too slow {too_slow} ×, closed with {}; it then reads {} KiB that lay in the kernel{}",
            code.unwrap_or_else(|| "nothing".to_owned()),
            left.len() / 1024,
            if read.is_ok() { ", and the end" } else { ", and is open" },
        ));
    }
    assert!(crowd.closed().is_empty(), "nobody else is hung up on: {:?}", crowd.closed());
    println!("{READERS} readers, {} messages of 4 KB each way, 100 a second", rounds * messages);
    println!("{:<26} {:>8} {:>8} {:>12}", "", "p50 ms", "p99 ms", "memory KiB");
    println!("{:<26} {:>8} {:>8} {start_kib:>12}", "before", "", "");
    without.print("without");
    with.print("with one who reads nothing");
    for end in ends {
        println!("the one who reads nothing: {end}");
    }
}

fn closes(host: &Host) -> u64 {
    figure(&watcher(host.server()), "pichat_sockets_too_slow_total")
}

/// What the first line says of a closed socket that the server wrote after `from` bytes of its log.
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
    fn add(&mut self, host: &Host, ages: Vec<f64>) {
        self.ages.extend(ages);
        self.peak_kib = self.peak_kib.max(host.rss_kib());
    }

    fn print(&mut self, name: &str) {
        self.ages.sort_by(f64::total_cmp);
        let [half, most] = [50, 99].map(|percent| percentile(&self.ages, percent));
        println!("{name:<26} {half:>8.2} {most:>8.2} {:>12}", self.peak_kib);
    }
}
