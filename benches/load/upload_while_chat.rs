//! Message latency during uploads and downloads of large files, their speed, and the memory of a transfer.
//!
//! `cargo bench --bench upload_while_chat` prints a table and fails only if a file or a message is lost.
//! An upload is hashed, synced and inspected before its answer, and deleted after it.
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

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::Client;
use loadgen::Clients;
use loadgen::host::{Host, PASSWORD, UNLIMITED};
use loadgen::stats::{is_small, percentile};

/// Bytes of each file.
const SIZE: usize = 16 << 20;
/// Concurrent transfers in each direction.
const EACH_WAY: usize = 2;
/// 50 receivers, 20 messages a second.
const PEOPLE: usize = 50;
const PACE: Duration = Duration::from_millis(50);
/// Duration of each part.
const TIME: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;

fn main() {
    let small = is_small();
    let (rounds, time) = if small { (1, TIME / 5) } else { (ROUNDS, TIME) };
    let host = Host::start(false, UNLIMITED);
    let (connector, cookie) = (host.connector(), host.sign_in("beto"));
    let mut clients = Clients::new();
    clients.connect_all(&connector, &cookie, 0..PEOPLE, PEOPLE);
    clients.start_sender(&connector, &cookie, "una frase para que la oigan cincuenta");
    let messages = (time.as_secs_f64() / PACE.as_secs_f64()) as usize;
    let (ana, jefa) = (
        Client::signed_in(host.server(), "ana", PASSWORD),
        Client::signed_in(host.server(), "jefa", PASSWORD),
    );
    let file = noise();
    // One transfer each way first, so that its set-up is not counted.
    let place = uploaded(&ana, &file);
    assert_eq!(ana.get(&format!("{place}/content")).body, file, "the download equals the upload");
    clients.open_loop(PACE, 10);

    let idle_kib = host.rss_kib();
    let (mut quiet, mut under_attack, mut up, mut down, mut seconds, mut most_kib) =
        (Vec::new(), Vec::new(), 0, 0, 0.0, 0);
    for _ in 0..rounds {
        quiet.extend(clients.open_loop(PACE, messages).latencies);
        let begin = Instant::now();
        let (over, bytes, peak) =
            (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)], AtomicU64::new(0));
        let going_on = || !over.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..EACH_WAY {
                scope.spawn(|| {
                    while going_on() {
                        let place = uploaded(&ana, &file);
                        bytes[0].fetch_add(SIZE as u64, Ordering::Relaxed);
                        assert_eq!(jefa.delete(&place).status, 204);
                    }
                });
                scope.spawn(|| {
                    while going_on() {
                        let got = ana.get(&format!("{place}/content"));
                        assert_eq!((got.status, got.body.len()), (200, SIZE));
                        bytes[1].fetch_add(SIZE as u64, Ordering::Relaxed);
                    }
                });
            }
            scope.spawn(|| {
                while going_on() {
                    peak.fetch_max(host.rss_kib(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            under_attack.extend(clients.open_loop(PACE, messages).latencies);
            over.store(true, Ordering::Relaxed);
        });
        // Up to the end of the last transfer, which is counted.
        seconds += begin.elapsed().as_secs_f64();
        let [more_up, more_down] = bytes.map(AtomicU64::into_inner);
        (up, down, most_kib) = (up + more_up, down + more_down, most_kib.max(peak.into_inner()));
    }
    quiet.sort_by(f64::total_cmp);
    under_attack.sort_by(f64::total_cmp);
    println!(
        "{EACH_WAY} uploads and {EACH_WAY} downloads of {} MiB at once, {PEOPLE} listen, {rounds} rounds",
        SIZE >> 20
    );
    println!("{:<34} {:>10} {:>10} {:>8}", "", "quiet", "transfers", "×");
    for percent in [50, 99] {
        let (q, b) = (percentile(&quiet, percent), percentile(&under_attack, percent));
        println!("{:<34} {q:>10.2} {b:>10.2} {:>8.2}", format!("message to {PEOPLE}, p{percent}, ms"), b / q);
    }
    let per_s = |bytes: u64| bytes as f64 / 1e6 / seconds;
    println!("{:<34} {:>10} {:>10.0}", "uploads, all together, MB/s", "", per_s(up));
    println!("{:<34} {:>10} {:>10.0}", "downloads, all together, MB/s", "", per_s(down));
    println!("{:<34} {idle_kib:>10} {most_kib:>10}", "memory, most memory, KiB");
    let each = most_kib.saturating_sub(idle_kib) / (2 * EACH_WAY) as u64;
    println!("{:<34} {:>10} {each:>10}", "growth for each transfer, KiB", "");
}

/// Returns incompressible bytes (high bytes of a linear congruential generator).
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(SIZE).collect()
}

fn uploaded(client: &Client, file: &[u8]) -> String {
    let answer = client.upload("ruido.bin", file);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("location").expect("a place").to_owned()
}
