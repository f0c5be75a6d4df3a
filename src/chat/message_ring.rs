//! Recent messages of a room, bounded in number; their memory is counted.

use super::delivery::SharedFrame;
use super::seq::{Seq, SeqGap};

/// Maximum messages kept for members who are away. One pointer each, so a room with messages has a box of
/// 8 KB; all 1024 rooms have 8 MiB of boxes, which count in `chat_memory_mib`.
pub const MAX_RING: usize = 1000;
/// Memory of a kept message besides its bytes: reference counts, and the headers of its two allocations.
const FRAME_OVERHEAD: usize = 100;

type Frames<F> = heapless::Deque<F, MAX_RING>;

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

/// Bounds of one [`Backfill`].
#[derive(Clone, Copy, Debug)]
pub struct BackfillBudget {
    /// Maximum number of messages.
    pub frames: usize,
    /// Bytes after which no more messages are added.
    pub bytes: usize,
}

/// Recent messages of one room, oldest first; their numbers end at the room's last number.
pub(super) struct Ring<F> {
    /// Allocated with the first message.
    frames: Option<Box<Frames<F>>>,
    /// Bytes of the frames.
    bytes: usize,
}

impl<F: SharedFrame> Ring<F> {
    /// Returns an empty ring.
    pub(super) const fn new() -> Self {
        Self { frames: None, bytes: 0 }
    }

    /// Returns the number of messages.
    pub(super) fn len(&self) -> usize {
        self.frames.as_ref().map_or(0, |frames| frames.len())
    }

    /// Returns the memory in bytes, with the ring's own box.
    pub(super) fn memory(&self) -> usize {
        let own = |frames: &Frames<F>| size_of::<Frames<F>>() + frames.len() * FRAME_OVERHEAD;
        self.frames.as_deref().map_or(0, own) + self.bytes
    }

    /// Adds a message and drops the oldest beyond `keep` messages.
    pub(super) fn push(&mut self, frame: F, keep: usize) {
        while self.len() >= keep.clamp(1, MAX_RING) {
            self.pop();
        }
        let bytes = frame.byte_count();
        // The loop above has made space.
        if self.frames.get_or_insert_default().push_back(frame).is_ok() {
            self.bytes += bytes;
        }
    }

    /// Drops the oldest message; returns false if there is none.
    pub(super) fn pop(&mut self) -> bool {
        let oldest = self.frames.as_mut().and_then(|frames| frames.pop_front());
        self.bytes -= oldest.as_ref().map_or(0, SharedFrame::byte_count);
        oldest.is_some()
    }

    /// Drops all messages and the box. Frames are zeroed when the last receiver releases them.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Returns the messages after `since`, where `last` is the room's last number.
    pub(super) fn after(&self, since: Seq, last: Seq, budget: BackfillBudget) -> Backfill<F> {
        let before_oldest = last.saturating_sub(self.len() as Seq);
        let gap = (since < before_oldest).then_some(SeqGap { first: since + 1, last: before_oldest });
        let from = since.max(before_oldest);
        let skip = usize::try_from(from - before_oldest).unwrap_or(usize::MAX);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for frame in self.frames.iter().flat_map(|frames| frames.iter()).skip(skip).take(budget.frames) {
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
