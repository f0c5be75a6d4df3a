//! Command-line switches and statistics of load tests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Returns true under `cargo test --benches`: one small round then shows that the program works. `cargo
/// bench` passes `--bench`.
pub fn is_small() -> bool {
    let is = |flag: &str| std::env::args().any(|a| a == flag);
    is("--test") || !is("--bench")
}

/// Returns a percentile of sorted values.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Returns the median of a few values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

/// Raises the limit of open files to its maximum and returns it; a server that is started later inherits it.
pub fn raise_file_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    maximum.unwrap_or(u64::MAX)
}
