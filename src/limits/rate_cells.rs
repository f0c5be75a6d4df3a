//! Bounded state store for governor, whose own keyed store grows without limit.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

use super::retry::LogThrottle;
use crate::locks::lock;

/// Cells by key; a clone is a handle to the same cells.
pub(super) struct RateCells<K>(Arc<Shared<K>>);

struct Shared<K> {
    cells: Mutex<Cells<K>>,
    /// True while the map is full, written under the lock. Most requests of most servers check only this.
    full: AtomicBool,
}

struct Cells<K> {
    known: HashMap<K, Cell>,
    /// Shared by all keys that find the map full: its size locks no client out, and nothing grows.
    strangers: Cell,
    cap: usize,
}

#[derive(Default)]
struct Cell {
    /// Governor's state: the theoretical arrival time of its GCRA.
    arrival: Option<Nanos>,
    told: LogThrottle,
}

impl<K: Eq + Hash + Clone> Cells<K> {
    fn is_full(&self) -> bool {
        self.known.len() >= self.cap
    }

    fn cell(&mut self, key: &K) -> &mut Cell {
        if !self.is_full() || self.known.contains_key(key) {
            self.known.entry(key.clone()).or_default()
        } else {
            &mut self.strangers
        }
    }
}

impl<K: Eq + Hash + Clone> RateCells<K> {
    pub(super) fn new(cap: usize) -> Self {
        let cells = Cells { known: HashMap::new(), strangers: Cell::default(), cap };
        Self(Arc::new(Shared { cells: Mutex::new(cells), full: AtomicBool::new(cap == 0) }))
    }

    /// Returns true if `key` would share a cell.
    pub(super) fn is_overflow_key(&self, key: &K) -> bool {
        if !self.0.full.load(Ordering::Relaxed) {
            return false;
        }
        let cells = self.lock();
        cells.is_full() && !cells.known.contains_key(key)
    }

    /// Returns true if this refusal of `key` is to be logged.
    pub(super) fn first_refusal(&self, key: &K, now: Duration) -> bool {
        self.lock().cell(key).told.first(now)
    }

    fn lock(&self) -> MutexGuard<'_, Cells<K>> {
        lock(&self.0.cells)
    }
}

impl<K> Clone for RateCells<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash + Clone> StateStore for RateCells<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut cells = self.lock();
        let cell = cells.cell(key);
        let (value, arrival) = decide(cell.arrival)?;
        cell.arrival = Some(arrival);
        self.0.full.store(cells.is_full(), Ordering::Relaxed);
        Ok(value)
    }
}

impl<K: Eq + Hash + Clone> ShrinkableKeyedStateStore<K> for RateCells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut cells = self.lock();
        cells.known.retain(|_, cell| cell.arrival.is_some_and(|arrival| arrival > drop_below));
        // A burst of keys must not hold its memory for ever.
        if cells.known.len() < cells.known.capacity() / 4 {
            cells.known.shrink_to_fit();
        }
        self.0.full.store(cells.is_full(), Ordering::Relaxed);
    }

    fn len(&self) -> usize {
        self.lock().known.len()
    }

    fn is_empty(&self) -> bool {
        self.lock().known.is_empty()
    }
}
