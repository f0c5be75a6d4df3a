//! Numbers of messages.

/// Number of a message in its room, from 1; 0 stands for none.
pub type Seq = u64;

/// Messages that are no longer available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqGap {
    /// First missing number.
    pub first: Seq,
    /// Last missing number.
    pub last: Seq,
}
