//! Sign-ins per second under load, compared with bare Argon2id on every core, and the message latency
//! meanwhile.
//!
//! `cargo bench --bench login_storm` prints a table. It fails only if a sign-in fails or a message is lost.
//! Bare hashes and a quiet chat are measured before and after each storm, so that other load falls on all of
//! them.
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

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::Client;
use loadgen::Clients;
use loadgen::host::{Host, PASSWORD, UNLIMITED};
use loadgen::stats::{is_small, median, percentile};
use pichat::accounts::hash_pool::hash_now;
use pichat::config::Argon2Params;

/// 50 receivers, 20 messages a second.
const PEOPLE: usize = 50;
const PACE: Duration = Duration::from_millis(50);
/// Duration of each part.
const TIME: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
/// Sign-ins in flight per core, so that a hash is always waiting.
const IN_FLIGHT_PER_CORE: usize = 4;

fn main() {
    let small = is_small();
    let (rounds, time) = if small { (1, TIME / 5) } else { (ROUNDS, TIME) };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let host = Host::start(false, UNLIMITED);
    let (connector, cookie) = (host.connector(), host.sign_in("beto"));
    let mut clients = Clients::new();
    clients.connect_all(&connector, &cookie, 0..PEOPLE, PEOPLE);
    clients.start_sender(&connector, &cookie, "una frase para que la oigan cincuenta");
    let messages = (time.as_secs_f64() / PACE.as_secs_f64()) as usize;
    clients.open_loop(PACE, 10);

    let (mut bare, mut stormy, mut quiet, mut under_attack) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let idle_kib = host.rss_kib();
    let mut peak_kib = 0;
    for _ in 0..rounds {
        bare.push(hashes(cores, time / 2));
        quiet.extend(clients.open_loop(PACE, messages).latencies);
        let (per_s, latencies) = storm(&host, cores, || clients.open_loop(PACE, messages).latencies);
        peak_kib = host.server().rss_kib("VmHWM");
        stormy.push(per_s);
        under_attack.extend(latencies);
        bare.push(hashes(cores, time / 2));
    }
    quiet.sort_by(f64::total_cmp);
    under_attack.sort_by(f64::total_cmp);
    let (bare, stormy) = (median(bare), median(stormy));
    println!("{cores} cores, {} sign-ins under way; medians of {rounds} rounds", cores * IN_FLIGHT_PER_CORE);
    println!("{:<34} {:>10} {:>10} {:>8}", "", "bare, idle", "server", "÷");
    println!("{:<34} {bare:>10.1} {stormy:>10.1} {:>8.2}", "sign-ins/s", stormy / bare);
    for percent in [50, 99] {
        let (q, b) = (percentile(&quiet, percent), percentile(&under_attack, percent));
        println!("{:<34} {q:>10.2} {b:>10.2} {:>8.2}", format!("message to {PEOPLE}, p{percent}, ms"), b / q);
    }
    println!("{:<34} {idle_kib:>10} {peak_kib:>10} {:>8}", "memory, peak memory, KiB", "");
}

/// Returns bare hashes per second with the server's default parameters.
fn hashes(threads: usize, time: Duration) -> f64 {
    let begin = Instant::now();
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while begin.elapsed() < time {
                    hash_now(PASSWORD.as_bytes(), Argon2Params::DEFAULT).expect("hashes");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    done.into_inner() as f64 / begin.elapsed().as_secs_f64()
}

/// Returns sign-ins per second while `chat` runs. Each comes from a new address, and its user is not in the
/// chat.
fn storm<T>(host: &Host, cores: usize, chat: impl FnOnce() -> T) -> (f64, T) {
    let (over, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    let mut seconds = 0.0;
    let chat = std::thread::scope(|scope| {
        for n in 0..cores * IN_FLIGHT_PER_CORE {
            let (over, done) = (&over, &done);
            scope.spawn(move || {
                let from = Ipv4Addr::new(127, 20, 0, u8::try_from(n + 1).expect("few"));
                while over.load(Ordering::Relaxed) == 0 {
                    let mut client = Client { from: Some(from), ..Client::new(host.server()) };
                    let answer = client.sign_in("jefa", PASSWORD);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let chat = chat();
        seconds = begin.elapsed().as_secs_f64();
        // Sign-ins in flight are not counted.
        let counted = done.load(Ordering::Relaxed);
        over.store(counted.max(1), Ordering::Relaxed);
        chat
    });
    (over.into_inner() as f64 / seconds, chat)
}
