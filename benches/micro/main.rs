//! Times the pure cores with criterion.
//!
//! `cargo bench --bench micro [-- NAME]` compares two states of the source on one quiet machine.
//! `benches/micro/compare.py` counts the instructions of the same operations, which do not depend on other
//! load.
#![allow(missing_docs, dead_code, reason = "a program that prints a table")]

mod cases;
mod null_encoder;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases::all() {
        criterion.bench_function(case.name, |bencher| {
            let mut operation = (case.make)();
            bencher.iter(&mut operation);
        });
    }
    criterion.final_summary();
}
