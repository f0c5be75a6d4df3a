//! Figures of one send queue.

use crate::chat::Priority;

/// Frames that a full queue dropped, by priority. Messages are never dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DroppedFrames {
    /// Typing notices.
    pub typing: u64,
    /// Joins and leaves.
    pub presence: u64,
}

impl DroppedFrames {
    /// Adds the counts of another queue.
    pub(crate) fn add(&mut self, other: Self) {
        self.typing += other.typing;
        self.presence += other.presence;
    }

    /// Counts dropped frames of one priority.
    pub(crate) fn count(&mut self, urgency: Priority, frames: usize) {
        match urgency {
            Priority::Typing => self.typing += frames as u64,
            Priority::Presence => self.presence += frames as u64,
            Priority::Message => {}
        }
    }
}

/// Queue length, and counts of dropped frames.
#[derive(Clone, Copy)]
pub(crate) struct QueueStats {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
    pub(crate) dropped: DroppedFrames,
    pub(crate) too_slow: bool,
}
