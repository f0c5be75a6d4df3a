//! Changes of a kept message: edits, removals and reactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::Person;

use super::delivery::{FRAME_OVERHEAD, SharedFrame};
use super::reactions::Reaction;
use super::seq::Seq;

/// Memory of a changed message besides its frames and reactions: its share of the map, rounded up.
const CHANGE_OVERHEAD: usize = 200;
/// Memory of one emoji at a message: the row, and the allocations of its text and list.
const REACTION_OVERHEAD: usize = 128;

/// Changed messages by number.
pub(super) type ChangedMessages<F> = BTreeMap<Seq, MessageChanges<F>>;

/// Frames that bring a socket which has the message up to date, and the reactions.
pub(super) struct MessageChanges<F> {
    /// Tells the last edit.
    pub(super) edited: Option<F>,
    /// Tells the last reaction, with all of them.
    pub(super) reacted: Option<F>,
    pub(super) reactions: Vec<Reaction>,
    /// The kept frame tells the removal.
    pub(super) is_removed: bool,
}

impl<F> Default for MessageChanges<F> {
    fn default() -> Self {
        Self { edited: None, reacted: None, reactions: Vec::new(), is_removed: false }
    }
}

impl<F: SharedFrame> MessageChanges<F> {
    /// Returns the memory in bytes.
    pub(super) fn memory(&self) -> usize {
        let frames = self.edited.iter().chain(&self.reacted);
        let frames: usize = frames.map(|frame| FRAME_OVERHEAD + frame.byte_count()).sum();
        let people = |one: &Reaction| REACTION_OVERHEAD + one.people.capacity() * size_of::<Arc<Person>>();
        CHANGE_OVERHEAD + frames + self.reactions.iter().map(people).sum::<usize>()
    }
}
