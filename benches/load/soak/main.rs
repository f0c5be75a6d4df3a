//! Soak test: mixed load for minutes, with samples of memory, open files and tables every second.
//!
//! `cargo bench --bench soak -- --minutes 10` writes `target/soak.csv`, which `benches/load/soak/plot.py`
//! draws. It prints the first and the last quarter. The exit code is 1 if a column grew, or did not return to
//! its first value after the load.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints a table"
)]

#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../loadgen/frames.rs"]
mod frames;

mod files;
mod runner;
mod samples;
mod scenarios;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::{Options, Server};

use runner::Runner;
use samples::Samples;

/// Seats and rooms end early, so that the final samples show it.
const SETTINGS: &str = "[chat]\nwipe_minutes = 0\n[files]\nmax_file_mib = 2\n[limits]\n\
    requests_per_minute = 1000000\nrequest_burst = 1000000\nconnections_per_address = 1000\njoins_per_minute = 6000\n\
    messages_per_minute = 6000\nmessage_burst = 200\nuploads_per_minute = 100\nupload_burst = 100\ndownload_burst = 1000\ndelete_burst = 1000\nrooms_per_user = 256\ndownloads_per_minute = 1000\n\
    deletes_per_minute = 1000\nlockout_seconds = 10\n";
/// Bound on the return after the load: a lost seat takes 5 s, an unfinished head 10 s.
const BACK: Duration = Duration::from_secs(60);
/// Time sampled after the return, for the picture.
const AFTERWARDS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().collect();
    // `cargo bench` passes `--bench`; under `cargo test --benches` one small round shows that the program
    // works.
    let small = args.iter().any(|a| a == "--test") || !args.iter().any(|a| a == "--bench");
    let minutes =
        args.iter().position(|a| a == "--minutes").map_or("10", |at| args.get(at + 1).expect("--minutes N"));
    let minutes: f64 = minutes.parse().expect("--minutes N");
    let churning = if small { Duration::from_secs(4) } else { Duration::from_secs_f64(minutes * 60.0) };
    let users = runner::PEOPLE.iter().map(|(name, role)| (*name, runner::PASSWORD, *role)).collect();
    let server = Server::start(Options { users, ..Options::config(SETTINGS) });
    let file = if small { "target/soak-test.csv" } else { "target/soak.csv" };
    let mut samples = Samples::new(&server, &Path::new(env!("CARGO_MANIFEST_DIR")).join(file));

    let churn = Runner::start(&server);
    samples.take_until(Instant::now() + churning, |_| false);
    samples.churn_is_over();
    let (tally, faults) = churn.end();
    let ended = Instant::now();
    let back = samples.take_until(ended + BACK, Samples::is_back);
    let took = ended.elapsed();
    if !small {
        samples.take_until(Instant::now() + AFTERWARDS, |_| false);
    }

    let did: Vec<_> = tally.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("{:.1} minutes: {}", churning.as_secs_f64() / 60.0, did.join(", "));
    // Four seconds are too short to compare quarters.
    let grew = samples.print(!small);
    match back {
        true => println!("all back to where it began {:.0} s after the last had gone", took.as_secs_f64()),
        false => println!(
            "NOT back to where it began after {} s: {}",
            BACK.as_secs(),
            samples.missing().join(", ")
        ),
    }
    for fault in &faults {
        println!("a thread of the churn failed: {fault}");
    }
    let failed = !back || grew || !faults.is_empty();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
