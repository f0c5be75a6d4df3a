//! Whether the server grows: minutes of people who come, go, drop and resume, flood, read slowly, upload, delete, guess passwords and leave
//! connections half open, with a look at its memory, open files and tables every second.
//!
//! `cargo bench --bench soak -- --minutes 10`. Writes `target/soak.csv` (`benches/load/soak/plot.py` draws it), prints a table of the first and
//! the last quarter, and ends with exit code 1 when something grew, or did not come back once everybody had gone.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

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

use runner::Churn;
use samples::Samples;

/// Lost places are given up and empty rooms end within this time, so that the end shows it too.
const SETTINGS: &str = "[chat]\nresume_grace_seconds = 5\nempty_room_minutes = 0\n[files]\nmax_file_mib = 2\n[limits]\n\
    requests_per_minute = 1000000\nrequest_burst = 1000000\nconnections_per_address = 1000\njoins_per_minute = 6000\n\
    messages_per_minute = 6000\nmessage_burst = 200\nuploads_per_minute = 100\nupload_burst = 100\ndownload_burst = 1000\ndelete_burst = 1000\nrooms_per_user = 256\ndownloads_per_minute = 1000\n\
    deletes_per_minute = 1000\nlockout_seconds = 10\n";
/// Once everybody has gone it may take so long until all that was theirs is gone too: a lost place 5 s, a head that never comes 10 s.
const BACK: Duration = Duration::from_secs(60);
/// Sampled on after that, for the picture.
const AFTERWARDS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().collect();
    // cargo bench says `--bench`; `cargo test --benches` does not, and then one small round shows that it still works.
    let small = args.iter().any(|a| a == "--test") || !args.iter().any(|a| a == "--bench");
    let minutes = args.iter().position(|a| a == "--minutes").map_or("10", |at| args.get(at + 1).expect("--minutes N"));
    let minutes: f64 = minutes.parse().expect("--minutes N");
    let churning = if small { Duration::from_secs(4) } else { Duration::from_secs_f64(minutes * 60.0) };
    let users = runner::PEOPLE.iter().map(|(name, role)| (*name, runner::PASSWORD, *role)).collect();
    let server = Server::start(Options { users, ..Options::config(SETTINGS) });
    let file = if small { "target/soak-test.csv" } else { "target/soak.csv" };
    let mut samples = Samples::new(&server, &Path::new(env!("CARGO_MANIFEST_DIR")).join(file));

    let churn = Churn::start(&server);
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
    // Four seconds are no quarters to compare.
    let grew = samples.print(!small);
    match back {
        true => println!("all back to where it began {:.0} s after the last had gone", took.as_secs_f64()),
        false => println!("NOT back to where it began after {} s: {}", BACK.as_secs(), samples.missing().join(", ")),
    }
    for fault in &faults {
        println!("a thread of the churn failed: {fault}");
    }
    let failed = !back || grew || !faults.is_empty();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
