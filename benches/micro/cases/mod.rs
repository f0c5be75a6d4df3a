//! Operations of the pure cores, which `benches/micro/main.rs` times and `benches/micro/instructions.rs`
//! counts.

#![allow(unreachable_pub, clippy::expect_used, reason = "each bench uses its own part")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/common/archive.rs"]
mod archive;
mod chat;
mod files;
mod limits;

/// One operation in a steady state: it may run any number of times.
pub type Operation = Box<dyn FnMut()>;

/// Operation to measure.
pub struct Case {
    /// Name of the core and of the operation.
    pub name: &'static str,
    /// Number of operations counted together: many if one is small or uses a hash map, whose seed is random.
    pub times: u32,
    /// Creates the state of the operation.
    pub make: fn() -> Operation,
}

/// Returns all cases.
pub fn all() -> Vec<Case> {
    [chat::CASES, files::CASES, limits::CASES]
        .concat()
        .into_iter()
        .map(|(name, times, make)| Case { name, times, make })
        .collect()
}

type Row = (&'static str, u32, fn() -> Operation);
