//! Whom a socket's task still has to see to: it has said something to them, and nobody has told them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::chat::Urgency;

use super::batch::Run;
use super::frame::Frame;
use super::outbound::Outbound;

/// Texts of a round after which nothing more is read before everybody in it has had their turn.
const BURST: usize = 16;
/// Receivers that are written to before other tasks of the thread have their turn: some 64 × 5 µs, four times that on a small board.
const AT_ONCE: usize = 64;
/// The same while somebody speaks in bursts: what has come in meanwhile goes out with the writes that are still to be made. Each text that
/// misses them costs a write for every receiver; to look for it takes about a tenth of the time that eight writes do.
const BETWEEN_LOOKS: usize = 8;

/// Receivers who are owed a write, as a rule each once. They come in turn, and each gets what has been said until then, so that whoever comes late
/// in a large room gets more with one write. What is dropped is left to the receivers' own tasks.
#[derive(Default)]
pub(super) struct Due {
    receivers: VecDeque<Arc<Outbound>>,
    /// How many of them are left of those who were there when the round began.
    round: usize,
    /// Texts that came in since then.
    texts: usize,
    /// How many in the last round in which any did, and in the one before.
    before: [usize; 2],
}

impl Due {
    /// A text has come in, whatever comes of it.
    pub(super) fn heard(&mut self) {
        self.texts += 1;
    }

    /// Where somebody who speaks enters the receivers.
    pub(super) fn receivers(&mut self) -> &mut VecDeque<Arc<Outbound>> {
        &mut self.receivers
    }

    /// Queues an answer for the socket itself.
    pub(super) fn answer(&mut self, out: &Arc<Outbound>, frame: Frame) {
        if out.queue(frame, Urgency::Message) {
            self.receivers.push_back(Arc::clone(out));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Whether nobody is left; nothing more has come in.
    pub(super) fn rests(&mut self) -> bool {
        if self.is_empty() {
            self.texts = 0;
        }
        self.is_empty()
    }

    /// Whether they come before anything new. Nobody is owed anything where all write for themselves, as they do over TLS.
    pub(super) fn is_pressing(&self) -> bool {
        !self.is_empty() && self.texts >= BURST
    }

    /// Writes to some of them; `true` when nobody is left.
    pub(super) fn flush_some(&mut self) -> bool {
        let mut run = Run::default();
        if self.round == 0 {
            self.begin();
        }
        let bursts = self.before.iter().any(|texts| *texts > 1);
        for _ in 0..if bursts { BETWEEN_LOOKS } else { AT_ONCE } {
            let Some(out) = self.receivers.pop_front() else { break };
            out.flush(&mut run);
            self.round -= 1;
            if self.round == 0 {
                self.begin();
            }
        }
        let all = self.is_empty();
        if all {
            // Quiet sockets hold nothing.
            self.receivers = VecDeque::new();
        }
        all
    }

    fn begin(&mut self) {
        if self.texts > 0 {
            self.before = [self.texts, self.before[0]];
        }
        self.texts = 0;
        self.round = self.receivers.len();
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        for out in &self.receivers {
            out.forsake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody says so many texts to people who are not owed a write yet.
    fn say(due: &mut Due, texts: usize, people: usize) {
        (0..texts).for_each(|_| due.heard());
        due.receivers().extend((0..people).map(|_| Arc::default()));
    }

    #[test]
    fn who_speaks_in_bursts_looks_for_more_between_writes() {
        let left = |due: &mut Due, texts| {
            say(due, texts, 100);
            due.flush_some();
            let left = due.receivers.len();
            while !due.flush_some() {}
            left
        };
        let mut due = Due::default();
        assert_eq!(left(&mut due, 1), 100 - AT_ONCE, "a single text");
        assert_eq!(left(&mut due, 2), 100 - BETWEEN_LOOKS, "two at once");
        assert_eq!(left(&mut due, 1), 100 - BETWEEN_LOOKS, "a single one may be the first of several");
        assert_eq!(left(&mut due, 1), 100 - AT_ONCE, "and is not");
        say(&mut due, BURST, 0);
        assert!(due.rests());
        say(&mut due, 1, 100);
        assert!(!due.is_pressing() && !due.flush_some());
        assert_eq!(due.receivers.len(), 100 - AT_ONCE, "what nobody had to be told of is no burst");
    }

    #[test]
    fn a_round_takes_so_many_texts_and_ends_with_those_who_were_there_when_it_began() {
        let mut due = Due::default();
        say(&mut due, 2, 2 * BETWEEN_LOOKS);
        due.flush_some();
        say(&mut due, BURST - 1, BETWEEN_LOOKS);
        assert!(!due.is_pressing());
        due.heard();
        assert!(due.is_pressing(), "this round's are heard");
        due.flush_some();
        assert!(!due.is_pressing(), "the next round's can be");
        assert_eq!(due.receivers.len(), BETWEEN_LOOKS, "who came later is written to later");
        assert!(due.flush_some());
    }

    #[test]
    fn however_much_is_said_nothing_presses_while_nobody_is_owed_a_write() {
        let mut due = Due::default();
        (0..10 * BURST).for_each(|_| due.heard());
        assert!(!due.is_pressing());
    }
}
