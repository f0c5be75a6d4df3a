//! Receivers with frames queued by this task that still need a flush.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::chat::Priority;

use crate::ws::protocol::frame::Frame;
use crate::ws::send::batch::CoalescedBatch;
use crate::ws::send::send_queue::SendQueue;

/// Texts read in one round before all receivers of that round must be flushed: about those of one read of a
/// connection.
pub(crate) const MAX_READS_PER_TURN: usize = 16;
/// Receivers flushed before other tasks of the thread run: 64 × 5 µs, about four times as long on a small
/// board.
const FLUSHES_PER_TURN: usize = 64;
/// Receivers flushed between reads while texts arrive in bursts. A text read in time joins the writes still
/// to be made; a later one costs another write per receiver. Looking for input takes about a tenth of eight
/// writes.
const FLUSHES_WHILE_BURSTING: usize = 8;

/// FIFO of receivers to flush, normally without duplicates. Flushing late is cheap: a receiver gets all
/// frames queued so far in one write. Dropping it leaves the receivers to their own tasks.
#[derive(Default)]
pub(crate) struct PendingFlush {
    receivers: VecDeque<Arc<SendQueue>>,
    /// Receivers left of those present when the round began.
    round: usize,
    /// Texts read since the round began.
    inbound: usize,
    /// Texts of the latest round that had any.
    latest_round: usize,
    /// Texts of the round with any before that one.
    previous_round: usize,
}

impl PendingFlush {
    /// Counts a text read from the client, accepted or not.
    pub(crate) fn note_inbound(&mut self) {
        self.inbound += 1;
    }

    /// Returns the list to which a producer adds receivers.
    pub(crate) fn receivers(&mut self) -> &mut VecDeque<Arc<SendQueue>> {
        &mut self.receivers
    }

    /// Queues a frame for the socket itself.
    pub(crate) fn enqueue_own(&mut self, out: &Arc<SendQueue>, frame: Frame) {
        if out.enqueue(frame, Priority::Message) {
            self.receivers.push_back(Arc::clone(out));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Returns true if there is nothing to flush; then resets the count of texts.
    pub(crate) fn is_idle(&mut self) -> bool {
        if self.is_empty() {
            self.inbound = 0;
        }
        self.is_empty()
    }

    /// Returns true if receivers must be flushed before more is read. Over TLS there are none: each task
    /// writes for itself.
    pub(crate) fn must_flush_first(&self) -> bool {
        !self.is_empty() && self.inbound >= MAX_READS_PER_TURN
    }

    /// Flushes one batch of receivers; returns true if none is left.
    pub(crate) fn flush_batch(&mut self) -> bool {
        let mut run = CoalescedBatch::default();
        if self.round == 0 {
            self.begin_round();
        }
        let bursts = self.latest_round > 1 || self.previous_round > 1;
        for _ in 0..if bursts { FLUSHES_WHILE_BURSTING } else { FLUSHES_PER_TURN } {
            let Some(out) = self.receivers.pop_front() else { break };
            out.flush(&mut run);
            self.round -= 1;
            if self.round == 0 {
                self.begin_round();
            }
        }
        let all = self.is_empty();
        if all {
            // Idle sockets hold no memory.
            self.receivers = VecDeque::new();
        }
        all
    }

    fn begin_round(&mut self) {
        if self.inbound > 0 {
            (self.latest_round, self.previous_round) = (self.inbound, self.latest_round);
        }
        self.inbound = 0;
        self.round = self.receivers.len();
    }
}

impl Drop for PendingFlush {
    fn drop(&mut self) {
        for out in &self.receivers {
            out.abandon_flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `texts` texts and adds `people` receivers without a pending flush.
    fn say(due: &mut PendingFlush, texts: usize, people: usize) {
        (0..texts).for_each(|_| due.note_inbound());
        due.receivers().extend((0..people).map(|_| Arc::default()));
    }

    #[test]
    fn bursts_shorten_flush_batches() {
        let left = |due: &mut PendingFlush, texts| {
            say(due, texts, 100);
            due.flush_batch();
            let left = due.receivers.len();
            while !due.flush_batch() {}
            left
        };
        let mut due = PendingFlush::default();
        assert_eq!(left(&mut due, 1), 100 - FLUSHES_PER_TURN, "a single text");
        assert_eq!(left(&mut due, 2), 100 - FLUSHES_WHILE_BURSTING, "two at once");
        assert_eq!(
            left(&mut due, 1),
            100 - FLUSHES_WHILE_BURSTING,
            "a single one may be the first of several"
        );
        assert_eq!(left(&mut due, 1), 100 - FLUSHES_PER_TURN, "and is not");
        say(&mut due, MAX_READS_PER_TURN, 0);
        assert!(due.is_idle());
        say(&mut due, 1, 100);
        assert!(!due.must_flush_first() && !due.flush_batch());
        assert_eq!(due.receivers.len(), 100 - FLUSHES_PER_TURN, "texts without receivers are no burst");
    }

    #[test]
    fn fanout_round_is_bounded_and_keeps_its_initial_receivers() {
        let mut due = PendingFlush::default();
        say(&mut due, 2, 2 * FLUSHES_WHILE_BURSTING);
        due.flush_batch();
        say(&mut due, MAX_READS_PER_TURN - 1, FLUSHES_WHILE_BURSTING);
        assert!(!due.must_flush_first());
        due.note_inbound();
        assert!(due.must_flush_first(), "this round has its texts");
        due.flush_batch();
        assert!(!due.must_flush_first(), "the next round may read");
        assert_eq!(due.receivers.len(), FLUSHES_WHILE_BURSTING, "later receivers are flushed later");
        assert!(due.flush_batch());
    }

    #[test]
    fn flush_is_not_forced_without_pending_receivers() {
        let mut due = PendingFlush::default();
        (0..10 * MAX_READS_PER_TURN).for_each(|_| due.note_inbound());
        assert!(!due.must_flush_first());
    }
}
