//! Runs operations of the pure cores for callgrind; `benches/micro/compare.py` calls this.
//!
//! `instructions --list` prints the operations and their counts. `instructions NAME` runs one operation once
//! to warm up, then that many times inside [`in_the_count`], the only function that callgrind counts.
#![allow(missing_docs, clippy::expect_used, clippy::print_stdout, reason = "a program for a script")]

mod cases;
mod null_encoder;

use std::hint::black_box;

fn main() {
    let asked = std::env::args().nth(1).unwrap_or_default();
    if asked == "--list" {
        println!("# {} {}", std::env::consts::ARCH, features());
        cases::all().iter().for_each(|case| println!("{}\t{}", case.times, case.name));
        return;
    }
    // Under `cargo test --benches` every operation runs once.
    let all = cases::all();
    let chosen: Vec<_> =
        all.iter().filter(|case| asked.is_empty() || asked.starts_with("--") || case.name == asked).collect();
    assert!(!chosen.is_empty(), "no such operation: {asked}");
    for case in chosen {
        let mut operation = (case.make)();
        operation();
        in_the_count(&mut operation, if asked == case.name { case.times } else { 1 });
    }
}

#[inline(never)]
fn in_the_count(operation: &mut dyn FnMut(), times: u32) {
    for _ in 0..black_box(times) {
        operation();
    }
}

/// Returns the processor feature by which libraries choose their code.
fn features() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "plain"
}
