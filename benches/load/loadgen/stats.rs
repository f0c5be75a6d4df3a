//! How a program is called, and the figures of many values.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// `cargo bench` says `--bench`; `cargo test --benches` does not (and may say `--test`): then one small round shows that it still works.
pub fn is_small() -> bool {
    let is = |flag: &str| std::env::args().any(|a| a == flag);
    is("--test") || !is("--bench")
}

/// Of sorted values.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Median of a few.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

/// Thousands of sockets of our own; a server that we start may have as many. How many there may be.
pub fn raise_file_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    maximum.unwrap_or(u64::MAX)
}
