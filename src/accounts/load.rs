//! What a pool of hashing threads has to do, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a pool does at the moment, and what it could not take since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// Threads, each with one hash at a time.
    pub threads: usize,
    /// Being hashed.
    pub running: usize,
    /// In the queue.
    pub waiting: usize,
    /// Found the queue full.
    pub refused: u64,
}

/// The counts of one pool.
#[derive(Default)]
pub(super) struct Load {
    waiting: AtomicUsize,
    running: AtomicUsize,
    refused: AtomicU64,
}

/// A place in the queue.
pub(super) struct Waiting(Arc<Load>);

/// A hash under way.
pub(super) struct Running(Arc<Load>);

impl Load {
    /// To be called before the work is put into the queue, where a thread may take it at once.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// The queue was full.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self, threads: usize) -> Hashing {
        let [running, waiting] = [&self.running, &self.waiting].map(|count| count.load(Ordering::Relaxed));
        Hashing { threads, running, waiting, refused: self.refused.load(Ordering::Relaxed) }
    }
}

impl Waiting {
    /// A thread has taken it.
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
