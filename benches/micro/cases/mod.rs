//! The pure cores at work, one operation a call: what `benches/micro/main.rs` times and `benches/micro/instructions.rs` counts.

#![allow(unreachable_pub, clippy::expect_used, reason = "each bench uses its own part")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/common/archive.rs"]
mod archive;
mod chat;
mod files;
mod limits;

/// One operation, again and again in a steady state: what it fills it empties.
pub type Operation = Box<dyn FnMut()>;

/// Something to measure.
pub struct Case {
    /// Core and operation.
    pub name: &'static str,
    /// Operations that are counted together: many where one is small or meets a hash map, whose seed is random.
    pub times: u32,
    /// Makes what the operation works on.
    pub make: fn() -> Operation,
}

/// All of them.
pub fn all() -> Vec<Case> {
    [chat::CASES, files::CASES, limits::CASES]
        .concat()
        .into_iter()
        .map(|(name, times, make)| Case { name, times, make })
        .collect()
}

type Row = (&'static str, u32, fn() -> Operation);
