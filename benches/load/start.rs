//! Time from the start of the process to the first answer, and the memory used then.
//!
//! `cargo bench --bench start` prints a table. It judges nothing: single figures of a shared machine mean
//! little.
#![allow(missing_docs, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Measured starts; the median counts.
const RUNS: usize = 11;
/// Time after which the background work of a start (the first sweeps) is done.
const SETTLE: Duration = Duration::from_millis(1000);
/// Bound on a start.
const PATIENCE: Duration = Duration::from_secs(30);

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Run {
    first_answer: Duration,
    rss_kib: u64,
    peak_kib: u64,
}

fn main() {
    // Under `cargo test --benches` one start shows that the program works.
    let runs = if std::env::args().any(|a| a == "--test") { 1 } else { RUNS };
    let runs: Vec<_> = (0..runs).map(|_| run()).collect();
    println!("{:<28} {:>10} {:>10} {:>10}", "", "least", "median", "most");
    row("start to first answer, ms", runs.iter().map(|r| r.first_answer.as_secs_f64() * 1e3).collect());
    row("memory 1 s later, KiB", runs.iter().map(|r| r.rss_kib as f64).collect());
    row("peak memory until then, KiB", runs.iter().map(|r| r.peak_kib as f64).collect());
}

fn row(name: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    println!(
        "{name:<28} {:>10.1} {:>10.1} {:>10.1}",
        values[0],
        values[values.len() / 2],
        values[values.len() - 1]
    );
}

fn run() -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let addr = free_address();
    let start = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_pichat"))
        .args(["demo", "--listen", &addr.to_string(), "--data-dir"])
        .arg(folder.path())
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let child = KillOnDrop(child);
    while !answers(addr) {
        assert!(start.elapsed() < PATIENCE, "no answer");
        std::thread::sleep(Duration::from_micros(200));
    }
    let first_answer = start.elapsed();
    std::thread::sleep(SETTLE);
    Run { first_answer, rss_kib: status(&child, "VmRSS"), peak_kib: status(&child, "VmHWM") }
}

/// Returns an address whose port was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a port")
}

fn answers(addr: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(addr) else { return false };
    let mut head = [0; 12];
    stream.write_all(format!("GET /login HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head.starts_with(b"HTTP/1.1 200")
}

fn status(child: &KillOnDrop, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", child.0.id())).expect("is running");
    let line = text.lines().find(|l| l.starts_with(key)).expect("the kernel reports it");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}
