//! Attempts that wait for the verdicts of others, with a fair share of the places for each address and name.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::sign_in_table::Keys;

/// Attempts of one address that may wait for the verdicts of others: as many as the hashing queue holds.
pub const WAITING_PER_ADDRESS: usize = 64;
/// Attempts that may wait in all: four such addresses. Each holds a task of some KiB and a typed password,
/// which a body of 64 KiB bounds: 16 MiB if all were that long, 1 MiB as people type.
pub const WAITING_IN_ALL: usize = 256;

/// Attempt that waits; `A` is the way to answer it.
pub(super) struct Waiter<A> {
    pub(super) keys: Keys,
    pub(super) answer: A,
}

/// No place is left, and no other name or address has more places than the caller's.
pub(super) struct NoPlace;

/// FIFO of attempts.
///
/// When it is full, the name that has most places of its address gives one up to a name that has fewer, and
/// the address that has most in all to an address that has fewer. So one name may have all places while no
/// other needs them, and none that another needs. It gives up its latest attempt.
pub(super) struct SignInQueue<A> {
    waiters: VecDeque<Waiter<A>>,
}

impl<A> SignInQueue<A> {
    pub(super) const fn new() -> Self {
        Self { waiters: VecDeque::new() }
    }

    /// Takes all, in their order.
    pub(super) fn take(&mut self) -> VecDeque<Waiter<A>> {
        std::mem::take(&mut self.waiters)
    }

    /// Puts one back that was taken, behind those that were put back before.
    pub(super) fn put_back(&mut self, waiter: Waiter<A>) {
        self.waiters.push_back(waiter);
    }

    /// Makes sure that there is a place for an attempt. Returns the attempt that gives up its own for it.
    pub(super) fn make_place(&mut self, keys: &Keys) -> Result<Option<Waiter<A>>, NoPlace> {
        let addr = keys.address.own;
        let addresses = || self.waiters.iter().map(|waiter| waiter.keys.address.own);
        let own = addresses().filter(|other| *other == addr).count();
        if own < WAITING_PER_ADDRESS && self.waiters.len() < WAITING_IN_ALL {
            return Ok(None);
        }
        let from = match most_frequent(addresses()) {
            Some((other, most)) if own < WAITING_PER_ADDRESS && most > own + 1 => other,
            _ => addr,
        };
        let names = || {
            let of_address = self.waiters.iter().filter(|waiter| waiter.keys.address.own == from);
            of_address.map(|waiter| waiter.keys.name)
        };
        let (name, most) = most_frequent(names()).ok_or(NoPlace)?;
        if from == addr && most <= names().filter(|other| *other == keys.name).count() + 1 {
            return Err(NoPlace);
        }
        let is_its = |waiter: &Waiter<A>| waiter.keys.address.own == from && waiter.keys.name == name;
        let latest = self.waiters.iter().rposition(is_its);
        latest.and_then(|at| self.waiters.remove(at)).map(Some).ok_or(NoPlace)
    }

    /// Adds an attempt, for which [`make_place`](Self::make_place) has made a place.
    pub(super) fn push(&mut self, keys: Keys, answer: A) {
        self.waiters.push_back(Waiter { keys, answer });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}

/// Returns the key that occurs most often, the latest of equals, and how often.
fn most_frequent<K: Copy + Eq + Hash>(keys: impl Iterator<Item = K>) -> Option<(K, usize)> {
    let mut counts = HashMap::<K, (usize, usize)>::new();
    for (at, key) in keys.enumerate() {
        let (count, last) = counts.entry(key).or_default();
        (*count, *last) = (*count + 1, at);
    }
    let most = counts.into_iter().max_by_key(|(_, count_and_last)| *count_and_last);
    most.map(|(key, (count, _))| (key, count))
}
