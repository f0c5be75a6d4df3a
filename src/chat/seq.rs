//! Message numbers.

/// Number of a message in its room: 1, 2, 3, …; 0 means none yet.
pub type Seq = u64;
