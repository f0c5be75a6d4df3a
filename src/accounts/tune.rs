//! Chooses Argon2id parameters that take a given time on this board, never weaker than OWASP's table.

use std::time::{Duration, Instant};

use crate::config::{Argon2Params, OWASP_ROWS};

use super::hash_pool::hash_now;

/// Default time of one sign-in.
pub const DEFAULT_TARGET: Duration = Duration::from_millis(300);

/// Maximum memory of a hash: beyond it a small board suffers more than an attacker.
const MAX_MEMORY_KIB: u32 = 64 * 1024;

/// Number of smaller memory sizes tried after a too slow one.
const LOOKS: usize = 3;

/// One measured row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Parameters.
    pub params: Argon2Params,
    /// Time of one hash.
    pub time: Duration,
}

/// Result: all measurements in order, and the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    /// Every measurement.
    pub measured: Vec<Measured>,
    /// Chosen parameters.
    pub chosen: Measured,
}

/// Chooses parameters near `target`. `measure` hashes once and returns the time. `memory_kib` is the memory
/// for all hashes at once, `at_once` their number.
///
/// A fast board gets more memory first, then more passes; a slow one gets the fastest acceptable row.
pub fn tune(
    target: Duration,
    memory_kib: u64,
    at_once: usize,
    mut measure: impl FnMut(Argon2Params) -> Duration,
) -> Tuned {
    let mut measured = Vec::new();
    let mut run = |params| {
        let row = Measured { params, time: measure(params) };
        measured.push(row);
        row
    };
    let base = run(OWASP_ROWS[0]);
    let chosen = if base.time > target {
        let others = OWASP_ROWS[1..].iter().map(|row| run(*row));
        others.fold(base, |best, row| if row.time < best.time { row } else { best })
    } else {
        let share = u32::try_from(memory_kib / at_once.max(1) as u64).unwrap_or(u32::MAX);
        let most = share.clamp(base.params.memory_kib, MAX_MEMORY_KIB);
        let wanted = f64::from(base.params.memory_kib) * ratio(target, base.time);
        // `as` saturates; whole MiB are easier to read in a file.
        let memory_kib = ((wanted as u32).min(most) / 1024 * 1024).max(base.params.memory_kib);
        let mut best = base;
        let mut next = memory_kib;
        // Memory beyond the caches costs more than its share, so a smaller size is tried.
        for _ in 0..LOOKS {
            if next <= best.params.memory_kib {
                break;
            }
            let row = run(Argon2Params { memory_kib: next, ..base.params });
            if row.time <= target {
                best = row;
                break;
            }
            next = (f64::from(next) * ratio(target, row.time)) as u32 / 1024 * 1024;
        }
        let larger = best;
        let passes = (f64::from(larger.params.passes) * ratio(target, larger.time)) as u32;
        if passes > larger.params.passes {
            let more = run(Argon2Params { passes: passes.min(16), ..larger.params });
            if more.time <= target { more } else { larger }
        } else {
            larger
        }
    };
    Tuned { measured, chosen }
}

/// Measures on this board, the fastest of three hashes for each row, since delays come from elsewhere. All
/// hashes at once may take an eighth of the memory. Blocks for some seconds.
pub fn on_this_board(target: Duration) -> Tuned {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    tune(target, total_memory_kib() / 8, at_once, |params| {
        let once = || {
            let start = Instant::now();
            // Only the time matters; a refused allocation counts as endless.
            hash_now(b"correct horse battery staple", params).map_or(Duration::MAX, |_| start.elapsed())
        };
        (0..3).map(|_| once()).min().unwrap_or(Duration::MAX)
    })
}

fn total_memory_kib() -> u64 {
    let info = rustix::system::sysinfo();
    // Both have the kernel's widths, which differ by architecture.
    #[allow(clippy::unnecessary_cast, reason = "32-bit boards")]
    let bytes = (info.totalram as u64).saturating_mul(u64::from(info.mem_unit));
    bytes / 1024
}

fn ratio(target: Duration, time: Duration) -> f64 {
    target.as_secs_f64() / time.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the timing of a board that fills `speed` KiB a millisecond.
    fn board(speed: f64) -> impl Fn(Argon2Params) -> Duration {
        move |p| Duration::from_secs_f64(f64::from(p.memory_kib) * f64::from(p.passes) / speed / 1000.0)
    }

    #[test]
    fn fast_board_gets_memory_then_passes() {
        let tuned = tune(DEFAULT_TARGET, 1 << 20, 4, board(2000.0));
        assert_eq!(tuned.chosen.params.memory_kib, MAX_MEMORY_KIB);
        assert!(tuned.chosen.params.passes > 2);
        assert!(tuned.chosen.time <= DEFAULT_TARGET);
    }

    #[test]
    fn small_board_stays_within_its_memory() {
        let tuned = tune(DEFAULT_TARGET, 64 * 1024, 4, board(2000.0));
        assert_eq!(tuned.chosen.params.memory_kib, OWASP_ROWS[0].memory_kib);
    }

    #[test]
    fn slow_board_gets_the_fastest_row() {
        let tuned = tune(DEFAULT_TARGET, 1 << 20, 1, board(50.0));
        assert_eq!(tuned.measured.len(), OWASP_ROWS.len());
        assert_eq!(tuned.chosen.params, OWASP_ROWS[3], "7168 × 5 is the least work");
    }

    proptest! {
        #[test]
        fn tuned_parameters_are_never_below_owasp(speed in 1.0..1e7_f64, target in 1..5000_u64, memory in 0..1_u64 << 24, at_once in 0..9_usize) {
            let tuned = tune(Duration::from_millis(target), memory, at_once, board(speed));
            prop_assert!(tuned.chosen.params.is_acceptable());
        }
    }
}
