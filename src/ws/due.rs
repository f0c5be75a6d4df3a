//! Whom a socket's task still has to see to: it has said something to them, and nobody has told them.

use std::sync::Arc;

use crate::chat::Urgency;

use super::frame::Frame;
use super::outbound::Outbound;

/// Texts after which what they said goes out, whatever else has come in.
const BURST: usize = 16;
/// Receivers that are written to before other tasks of the thread have their turn: some 64 × 5 µs, four times that on a small board.
const AT_ONCE: usize = 64;

/// Receivers who are owed a write. What is dropped is left to the receivers' own tasks.
#[derive(Default)]
pub(super) struct Due {
    receivers: Vec<Arc<Outbound>>,
    /// How many of them have had theirs.
    done: usize,
    /// Texts since all had theirs.
    texts: usize,
    /// How many texts were written together the last time and the time before.
    before: [usize; 2],
    /// How often it was looked for more before anything was written.
    looked: usize,
}

impl Due {
    /// Where somebody who speaks enters the receivers.
    pub(super) fn said(&mut self) -> &mut Vec<Arc<Outbound>> {
        self.texts += 1;
        &mut self.receivers
    }

    /// Queues an answer for the socket itself.
    pub(super) fn answer(&mut self, out: &Arc<Outbound>, frame: Frame) {
        if out.queue(frame, Urgency::Message) {
            self.receivers.push(Arc::clone(out));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Whether they come before anything new. Nobody is owed anything where all write for themselves, as they do over TLS.
    pub(super) fn is_pressing(&self) -> bool {
        !self.is_empty() && (self.done > 0 || self.texts >= BURST)
    }

    /// Whether to look once more for what else comes in, after others have had their turn, before anything is written: while fewer texts have
    /// come than were written together lately. Each text that misses the others costs a write for each receiver; looking as often as there
    /// are receivers takes some 3 % of the time that writing to them does. A small room is written to before there is anything to win.
    pub(super) fn looks_again(&mut self) -> bool {
        let expected = self.before[0].max(self.before[1]);
        let (worth, may) = (self.receivers.len() > AT_ONCE && self.texts < expected, self.looked < self.receivers.len());
        let again = self.done == 0 && worth && may;
        self.looked += usize::from(again);
        again
    }

    /// Writes to some of them; `true` when all have had theirs.
    pub(super) fn flush_some(&mut self) -> bool {
        let some = self.receivers.iter().skip(self.done).take(AT_ONCE);
        self.done += some.map(|out| out.flush()).count();
        let all = self.done >= self.receivers.len();
        if all {
            let before = [self.texts, self.before[0]];
            *self = Self::default();
            self.before = before;
        }
        all
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        for out in &self.receivers[self.done..] {
            out.forsake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_spoke_in_bursts_is_waited_for_a_little() {
        let mut due = Due::default();
        let mut looks = |texts: usize, receivers: usize| {
            (0..texts).for_each(|_| _ = due.said());
            due.said().extend((0..receivers).map(|_| Arc::default()));
            let looks = (0..9 * AT_ONCE).take_while(|_| due.looks_again()).count();
            while !due.flush_some() {}
            looks
        };
        let many = AT_ONCE + 1;
        assert_eq!(looks(1, many), 0, "nobody has spoken before");
        assert_eq!(looks(1, many), 0, "as many as the last time");
        assert_eq!(looks(0, AT_ONCE), 0, "a small room");
        assert_eq!(looks(0, many), many, "once for each receiver");
        assert_eq!(looks(0, many), 0, "it has become quiet");
    }

    #[test]
    fn however_much_is_said_nothing_presses_while_nobody_is_owed_a_write() {
        let mut due = Due::default();
        for _ in 0..10 * BURST {
            assert!(due.said().is_empty());
            assert!(!due.is_pressing());
        }
    }
}
