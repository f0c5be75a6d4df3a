//! Many sign in at once: how many a second, beside the bare Argon2 of the same crate with the same parameters on as many threads as there
//! are cores; and how late messages come meanwhile to those who talk.
//!
//! `cargo bench --bench login_storm`. Prints a table and judges nothing but that everybody gets in and every message arrives. Bare and
//! quiet before and after each storm, so that what else the machine does falls on all.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::Client;
use loadgen::Crowd;
use loadgen::host::{Host, OPEN_WIDE, PASSWORD};
use loadgen::stats::{is_small, median, percentile};
use pichat::accounts::password::hash_now;
use pichat::config::Argon2Params;

/// Fifty who listen, 20 messages a second.
const PEOPLE: usize = 50;
const PACE: Duration = Duration::from_millis(50);
/// Of each part.
const TIME: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
/// Sign-ins under way for each core: there is always one to be hashed.
const FOR_EACH_CORE: usize = 4;

fn main() {
    let small = is_small();
    let (rounds, time) = if small { (1, TIME / 5) } else { (ROUNDS, TIME) };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let host = Host::start(false, OPEN_WIDE);
    let (gate, cookie) = (host.gate(), host.sign_in("beto"));
    let mut crowd = Crowd::new();
    crowd.gather(&gate, &cookie, 0..PEOPLE, PEOPLE);
    crowd.let_speak(&gate, &cookie, "una frase para que la oigan cincuenta");
    let messages = (time.as_secs_f64() / PACE.as_secs_f64()) as usize;
    crowd.speak_at_pace(PACE, 10);

    let (mut bare, mut stormy, mut quiet, mut beset) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let idle_kib = host.rss_kib();
    let mut peak_kib = 0;
    for _ in 0..rounds {
        bare.push(hashes(cores, time / 2));
        quiet.extend(crowd.speak_at_pace(PACE, messages).ages);
        let (per_s, ages) = storm(&host, cores, || crowd.speak_at_pace(PACE, messages).ages);
        peak_kib = host.server().rss_kib("VmHWM");
        stormy.push(per_s);
        beset.extend(ages);
        bare.push(hashes(cores, time / 2));
    }
    quiet.sort_by(f64::total_cmp);
    beset.sort_by(f64::total_cmp);
    let (bare, stormy) = (median(bare), median(stormy));
    println!("{cores} cores, {} sign-ins under way; medians of {rounds} rounds", cores * FOR_EACH_CORE);
    println!("{:<34} {:>10} {:>10} {:>8}", "", "bare, idle", "server", "÷");
    println!("{:<34} {bare:>10.1} {stormy:>10.1} {:>8.2}", "sign-ins/s", stormy / bare);
    for percent in [50, 99] {
        let (q, b) = (percentile(&quiet, percent), percentile(&beset, percent));
        println!("{:<34} {q:>10.2} {b:>10.2} {:>8.2}", format!("message to {PEOPLE}, p{percent}, ms"), b / q);
    }
    println!("{:<34} {idle_kib:>10} {peak_kib:>10} {:>8}", "memory, peak memory, KiB", "");
}

/// Bare hashes a second, with the parameters that the server uses by default.
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

/// Sign-ins a second while `chat` goes on, each over a new connection from another address, by somebody who is not among those who talk.
fn storm<T>(host: &Host, cores: usize, chat: impl FnOnce() -> T) -> (f64, T) {
    let (over, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    let mut seconds = 0.0;
    let chat = std::thread::scope(|scope| {
        for n in 0..cores * FOR_EACH_CORE {
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
        // Those under way are not counted.
        let counted = done.load(Ordering::Relaxed);
        over.store(counted.max(1), Ordering::Relaxed);
        chat
    });
    (over.into_inner() as f64 / seconds, chat)
}
