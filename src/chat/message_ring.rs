//! Recent messages of a room, bounded in number; their memory is counted.

use crate::types::UserId;

use super::delivery::{FRAME_OVERHEAD, SharedFrame};
use super::message_changes::{ChangedMessages, MessageChanges};
use super::seq::{Seq, SeqGap};

/// Maximum messages kept for members who are away. A frame and its author have 16 bytes each, so a room with
/// messages has a box of 16 KB; all 1024 rooms have 16 MiB of boxes, which count in `chat_memory_mib`.
pub const MAX_RING: usize = 1000;

type Entries<F> = heapless::Deque<Entry<F>, MAX_RING>;

/// Messages missed by a socket, for one write.
#[derive(Debug, PartialEq, Eq)]
pub struct Backfill<F> {
    /// Numbers that the ring no longer holds.
    pub gap: Option<SeqGap>,
    /// Messages after the gap, oldest first.
    pub messages: Vec<F>,
    /// Number of the last one; equal to the room's last number if nothing is missing any more.
    pub until: Seq,
}

/// Changes of messages that a socket has, for one write.
#[derive(Debug, PartialEq, Eq)]
pub struct MissedChanges<F> {
    /// Frames in the order of the messages.
    pub frames: Vec<F>,
    /// Number of the last message; `None` if no change is missing any more.
    pub until: Option<Seq>,
}

/// Bounds of one [`Backfill`] or [`MissedChanges`].
#[derive(Clone, Copy, Debug)]
pub struct BackfillBudget {
    /// Number of frames after which no more are added.
    pub frames: usize,
    /// Bytes after which no more are added.
    pub bytes: usize,
}

/// Kept message.
pub(super) struct Entry<F> {
    /// Sent to members who missed the message: the message as it is now, or its removal.
    pub(super) frame: F,
    pub(super) author: UserId,
}

/// Recent messages of one room, oldest first; their numbers end at the room's last number.
pub(super) struct Ring<F> {
    /// Allocated with the first message.
    entries: Option<Box<Entries<F>>>,
    /// Number of the newest message.
    newest: Seq,
    /// Bytes of the frames.
    bytes: usize,
    changed: ChangedMessages<F>,
    /// Memory of `changed` in bytes.
    changed_bytes: usize,
}

impl<F: SharedFrame> Ring<F> {
    /// Returns an empty ring.
    pub(super) const fn new() -> Self {
        Self { entries: None, newest: 0, bytes: 0, changed: ChangedMessages::new(), changed_bytes: 0 }
    }

    /// Returns the number of messages.
    pub(super) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }

    /// Returns the memory in bytes, with the ring's own box.
    pub(super) fn memory(&self) -> usize {
        let own = |entries: &Entries<F>| size_of::<Entries<F>>() + entries.len() * FRAME_OVERHEAD;
        self.entries.as_deref().map_or(0, own) + self.bytes + self.changed_bytes
    }

    /// Adds the message with the next number, and drops the oldest beyond `keep` messages.
    pub(super) fn push(&mut self, seq: Seq, entry: Entry<F>, keep: usize) {
        while self.len() >= keep.clamp(1, MAX_RING) {
            self.pop();
        }
        self.newest = seq;
        let bytes = entry.frame.byte_count();
        // The loop above has made space.
        if self.entries.get_or_insert_default().push_back(entry).is_ok() {
            self.bytes += bytes;
        }
    }

    /// Drops the oldest message; returns false if there is none.
    pub(super) fn pop(&mut self) -> bool {
        let seq = self.before_oldest(self.newest) + 1;
        let oldest = self.entries.as_mut().and_then(|entries| entries.pop_front());
        self.bytes -= oldest.as_ref().map_or(0, |entry| entry.frame.byte_count());
        if let Some(changes) = self.changed.remove(&seq) {
            self.changed_bytes -= changes.memory();
        }
        oldest.is_some()
    }

    /// Drops all messages and the box. Frames are zeroed when the last receiver releases them.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Returns the number before the oldest message, where `last` is the room's last number.
    fn before_oldest(&self, last: Seq) -> Seq {
        last.saturating_sub(self.len() as Seq)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        let before_oldest = self.before_oldest(self.newest);
        let kept = seq > before_oldest && seq <= self.newest;
        kept.then(|| usize::try_from(seq - before_oldest - 1).unwrap_or(usize::MAX))
    }

    /// Returns a message that is kept and not removed.
    pub(super) fn get(&self, seq: Seq) -> Option<&Entry<F>> {
        let at = self.index(seq).filter(|_| !self.changed.get(&seq).is_some_and(|one| one.is_removed))?;
        self.entries.as_deref()?.get(at)
    }

    /// Replaces the frame of a kept message, and changes what is told of it by `change`.
    pub(super) fn replace(&mut self, seq: Seq, frame: F, change: impl FnOnce(&mut MessageChanges<F>)) {
        let at = self.index(seq);
        let Some(entry) = at.and_then(|at| self.entries.as_deref_mut()?.get_mut(at)) else { return };
        self.bytes = self.bytes - entry.frame.byte_count() + frame.byte_count();
        entry.frame = frame;
        let before = self.changed.get(&seq).map_or(0, MessageChanges::memory);
        let changes = self.changed.entry(seq).or_default();
        change(changes);
        self.changed_bytes = self.changed_bytes - before + changes.memory();
    }

    /// Returns the changes of a message.
    pub(super) fn changes(&self, seq: Seq) -> Option<&MessageChanges<F>> {
        self.changed.get(&seq)
    }

    /// Returns true if a message after `after`, up to `until`, has changed.
    pub(super) fn has_changes(&self, after: Seq, until: Seq) -> bool {
        after < until && self.changed.range(after + 1..=until).next().is_some()
    }

    /// Returns the changes of messages after `after`, up to `until`.
    pub(super) fn changes_after(&self, after: Seq, until: Seq, budget: BackfillBudget) -> MissedChanges<F> {
        let (mut frames, mut bytes) = (Vec::new(), 0);
        if after >= until {
            return MissedChanges { frames, until: None };
        }
        let mut last = after;
        for (seq, changes) in self.changed.range(after + 1..=until) {
            if frames.len() >= budget.frames || bytes >= budget.bytes {
                return MissedChanges { frames, until: Some(last) };
            }
            let removal = changes.is_removed.then(|| self.frame(*seq)).flatten();
            let told = removal.into_iter().chain(&changes.edited).chain(&changes.reacted);
            for frame in told {
                bytes += frame.byte_count();
                frames.push(frame.clone());
            }
            last = *seq;
        }
        MissedChanges { frames, until: None }
    }

    fn frame(&self, seq: Seq) -> Option<&F> {
        Some(&self.entries.as_deref()?.get(self.index(seq)?)?.frame)
    }

    /// Returns the messages after `since`, where `last` is the room's last number.
    pub(super) fn after(&self, since: Seq, last: Seq, budget: BackfillBudget) -> Backfill<F> {
        let before_oldest = self.before_oldest(last);
        let gap = (since < before_oldest).then_some(SeqGap { first: since + 1, last: before_oldest });
        let from = since.max(before_oldest);
        let skip = usize::try_from(from - before_oldest).unwrap_or(usize::MAX);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let kept = self.entries.iter().flat_map(|entries| entries.iter()).skip(skip);
        for Entry { frame, .. } in kept.take(budget.frames) {
            if bytes >= budget.bytes {
                break;
            }
            bytes += frame.byte_count();
            messages.push(frame.clone());
        }
        let until = from + messages.len() as Seq;
        Backfill { gap, messages, until }
    }
}
