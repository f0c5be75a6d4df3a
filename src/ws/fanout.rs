//! Whom a socket's task still has to see to: it has said something to them, and nobody has told them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::chat::Priority;

use super::batch::CoalescedBatch;
use super::frame::Frame;
use super::send_queue::SendQueue;

/// Texts of a round after which nothing more is read before everybody in it has had their turn.
const MAX_READS_PER_TURN: usize = 16;
/// Receivers that are written to before other tasks of the thread have their turn: some 64 × 5 µs, four times that on a small board.
const FLUSHES_PER_TURN: usize = 64;
/// The same while somebody speaks in bursts: what has come in meanwhile goes out with the writes that are still to be made. Each text that
/// misses them costs a write for every receiver; to look for it takes about a tenth of the time that eight writes do.
const FLUSHES_WHILE_BURSTING: usize = 8;

/// Receivers who are owed a write, as a rule each once. They come in turn, and each gets what has been said until then, so that whoever comes late
/// in a large room gets more with one write. What is dropped is left to the receivers' own tasks.
#[derive(Default)]
pub(super) struct PendingFlush {
    receivers: VecDeque<Arc<SendQueue>>,
    /// How many of them are left of those who were there when the round began.
    round: usize,
    /// Texts that came in since then.
    inbound: usize,
    /// How many in the last round in which any did, and in the one before.
    last_rounds: [usize; 2],
}

impl PendingFlush {
    /// A text has come in, whatever comes of it.
    pub(super) fn note_inbound(&mut self) {
        self.inbound += 1;
    }

    /// Where somebody who speaks enters the receivers.
    pub(super) fn receivers(&mut self) -> &mut VecDeque<Arc<SendQueue>> {
        &mut self.receivers
    }

    /// Queues an answer for the socket itself.
    pub(super) fn enqueue_own(&mut self, out: &Arc<SendQueue>, frame: Frame) {
        if out.enqueue(frame, Priority::Message) {
            self.receivers.push_back(Arc::clone(out));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Whether nobody is left; nothing more has come in.
    pub(super) fn is_idle(&mut self) -> bool {
        if self.is_empty() {
            self.inbound = 0;
        }
        self.is_empty()
    }

    /// Whether they come before anything new. Nobody is owed anything where all write for themselves, as they do over TLS.
    pub(super) fn must_flush_first(&self) -> bool {
        !self.is_empty() && self.inbound >= MAX_READS_PER_TURN
    }

    /// Writes to some of them; `true` when nobody is left.
    pub(super) fn flush_batch(&mut self) -> bool {
        let mut run = CoalescedBatch::default();
        if self.round == 0 {
            self.begin_round();
        }
        let bursts = self.last_rounds.iter().any(|texts| *texts > 1);
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
            // Quiet sockets hold nothing.
            self.receivers = VecDeque::new();
        }
        all
    }

    fn begin_round(&mut self) {
        if self.inbound > 0 {
            self.last_rounds = [self.inbound, self.last_rounds[0]];
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

    /// Somebody says so many texts to people who are not owed a write yet.
    fn say(due: &mut PendingFlush, texts: usize, people: usize) {
        (0..texts).for_each(|_| due.note_inbound());
        due.receivers().extend((0..people).map(|_| Arc::default()));
    }

    #[test]
    fn who_speaks_in_bursts_looks_for_more_between_writes() {
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
        assert_eq!(left(&mut due, 1), 100 - FLUSHES_WHILE_BURSTING, "a single one may be the first of several");
        assert_eq!(left(&mut due, 1), 100 - FLUSHES_PER_TURN, "and is not");
        say(&mut due, MAX_READS_PER_TURN, 0);
        assert!(due.is_idle());
        say(&mut due, 1, 100);
        assert!(!due.must_flush_first() && !due.flush_batch());
        assert_eq!(due.receivers.len(), 100 - FLUSHES_PER_TURN, "what nobody had to be told of is no burst");
    }

    #[test]
    fn a_round_takes_so_many_texts_and_ends_with_those_who_were_there_when_it_began() {
        let mut due = PendingFlush::default();
        say(&mut due, 2, 2 * FLUSHES_WHILE_BURSTING);
        due.flush_batch();
        say(&mut due, MAX_READS_PER_TURN - 1, FLUSHES_WHILE_BURSTING);
        assert!(!due.must_flush_first());
        due.note_inbound();
        assert!(due.must_flush_first(), "this round's are heard");
        due.flush_batch();
        assert!(!due.must_flush_first(), "the next round's can be");
        assert_eq!(due.receivers.len(), FLUSHES_WHILE_BURSTING, "who came later is written to later");
        assert!(due.flush_batch());
    }

    #[test]
    fn however_much_is_said_nothing_presses_while_nobody_is_owed_a_write() {
        let mut due = PendingFlush::default();
        (0..10 * MAX_READS_PER_TURN).for_each(|_| due.note_inbound());
        assert!(!due.must_flush_first());
    }
}
