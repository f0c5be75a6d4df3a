//! Gives up a peer that acknowledges nothing, not one that is slow.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot::Receiver;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::detached;

use super::acknowledged::{Ends, unacknowledged};

/// Looks at the kernel's send queue within one patience.
const LOOKS: u32 = 4;

/// A write that the kernel does not take, from the moment it was refused.
pub struct WriteStall {
    patience: Duration,
    /// When the peer was last seen to acknowledge bytes.
    progress: Instant,
    /// Bytes that were unacknowledged at the last look.
    queued: Option<u64>,
    timer: Pin<Box<Sleep>>,
    /// A look under way, on a thread that may block.
    look: Option<Receiver<Option<u64>>>,
}

impl WriteStall {
    /// Starts with a write that was refused just now.
    pub fn new(patience: Duration) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(now + patience / LOOKS));
        Self { patience, progress: now, queued: None, timer, look: None }
    }

    /// Ready once the peer has acknowledged nothing for the patience.
    pub fn poll_given_up(&mut self, cx: &mut Context<'_>, ends: impl Fn() -> Option<Ends>) -> Poll<()> {
        loop {
            if let Some(look) = &mut self.look {
                let queued = ready!(Pin::new(look).poll(cx)).ok().flatten();
                self.look = None;
                if self.is_given_up(queued) {
                    return Poll::Ready(());
                }
            }
            ready!(self.timer.as_mut().poll(cx));
            match ends() {
                Some(ends) => self.look = Some(detached::blocking(move || unacknowledged(ends))),
                None if self.is_given_up(None) => return Poll::Ready(()),
                None => {}
            }
        }
    }

    /// Compares with the look before; unless the patience is over, sets the time of the next look.
    fn is_given_up(&mut self, queued: Option<u64>) -> bool {
        let now = Instant::now();
        if queued.zip(self.queued).is_some_and(|(now, before)| now < before) {
            self.progress = now;
        }
        self.queued = queued.or(self.queued);
        let end = self.progress + self.patience;
        self.timer.as_mut().reset(end.min(now + self.patience / LOOKS));
        now >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const PATIENCE: Duration = Duration::from_secs(40);

    #[tokio::test(start_paused = true)]
    async fn unknown_peer_is_given_up_after_the_patience() {
        let start = Instant::now();
        let mut stall = WriteStall::new(PATIENCE);
        poll_fn(|cx| stall.poll_given_up(cx, || None)).await;
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn acknowledged_bytes_renew_the_patience() {
        let mut stall = WriteStall::new(PATIENCE);
        let start = Instant::now();
        // A look every 10 s; the queue shrinks until 300 s.
        for step in 1..30_u64 {
            tokio::time::sleep(PATIENCE / LOOKS).await;
            assert!(!stall.is_given_up(Some(1_000_000 - step)), "{step}");
        }
        let last = start.elapsed();
        loop {
            tokio::time::sleep(PATIENCE / LOOKS).await;
            if stall.is_given_up(Some(1)) {
                break;
            }
        }
        // The first of these looks still saw less than the one before.
        assert_eq!(start.elapsed() - last, PATIENCE + PATIENCE / LOOKS);
    }

    #[tokio::test(start_paused = true)]
    async fn growing_queue_is_no_progress() {
        let mut stall = WriteStall::new(PATIENCE);
        let mut given_up = false;
        for step in 1..=u64::from(LOOKS) {
            tokio::time::sleep(PATIENCE / LOOKS).await;
            given_up = stall.is_given_up(Some(step));
        }
        assert!(given_up);
    }
}
