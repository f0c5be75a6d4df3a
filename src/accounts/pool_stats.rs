//! Counters of a pool of hashing threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// State of a pool, and the refusals since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// Threads, each with one hash at a time.
    pub threads: usize,
    /// Hashes in progress.
    pub running: usize,
    /// Hashes in the queue.
    pub waiting: usize,
    /// Requests that found the queue full.
    pub refused: u64,
}

/// Counters of one pool.
#[derive(Default)]
pub(super) struct Load {
    waiting: AtomicUsize,
    running: AtomicUsize,
    refused: AtomicU64,
}

/// Request in the queue.
pub(super) struct Waiting(Arc<Load>);

/// Hash in progress.
pub(super) struct Running(Arc<Load>);

impl Load {
    /// Counts a request; called before it enters the queue, where a thread may take it at once.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// Counts a refusal by a full queue.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self, threads: usize) -> Hashing {
        let [running, waiting] = [&self.running, &self.waiting].map(|count| count.load(Ordering::Relaxed));
        Hashing { threads, running, waiting, refused: self.refused.load(Ordering::Relaxed) }
    }
}

impl Waiting {
    /// Counts the start of the hash.
    pub(super) fn run(self) -> Running {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
