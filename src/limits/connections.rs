//! How many connections are open, of all and of one address; and whose place a newcomer gets when there is none left.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::address::LocalPrefixes;

/// Counts open connections against two caps. A clone is a handle to the same counts.
///
/// Who opens connections and says nothing, or little and slowly, could have all places for nothing. So, when all are taken, a
/// newcomer gets the place of a connection that serves nobody who is signed in: first of those that never did, then of those
/// that do nothing at the moment, the oldest first.
#[derive(Clone, Debug)]
pub struct ConnectionCaps {
    counts: Arc<Mutex<Counts>>,
    local: LocalPrefixes,
}

/// Every address in `of_address` has a connection, so the map is never larger than `total_cap` (or than it was when the
/// cap was lowered); nor is `yielding`.
#[derive(Debug)]
struct Counts {
    total_cap: usize,
    address_cap: usize,
    total: usize,
    of_address: HashMap<IpAddr, usize>,
    /// Connections whose place may be given to a newcomer, in the order in which they yield.
    yielding: BTreeMap<Turn, (IpAddr, CancellationToken)>,
    /// Connections since the start.
    admitted: u64,
    refused: u64,
}

/// When a connection yields: those of strangers before those of people, then the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    of_a_person: bool,
    age: u64,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The server has as many as it takes, and all of them serve somebody.
    Total,
    /// This address has as many as one may.
    Address,
}

impl Refused {
    /// For the audit line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Address => "address",
        }
    }
}

/// A connection that was let in.
#[derive(Debug)]
pub struct Admitted {
    /// Its place.
    pub slot: Slot,
    /// The address of the connection that gave its place up for it.
    pub instead_of: Option<IpAddr>,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Slot {
    counts: Arc<Mutex<Counts>>,
    addr: IpAddr,
    age: u64,
    /// How many requests of somebody who is signed in are under way, and whether there ever was one.
    serving: Mutex<(usize, bool)>,
    yielded: CancellationToken,
}

/// Somebody who is signed in is being served: the place does not yield while this lives.
#[derive(Debug)]
#[must_use]
pub struct Serving(Arc<Slot>);

impl ConnectionCaps {
    /// At most `total` connections, `per_address` of one address (see [`LocalPrefixes::keys`]).
    pub fn new(total: usize, per_address: usize, local: LocalPrefixes) -> Self {
        let counts = Counts {
            total_cap: total,
            address_cap: per_address,
            total: 0,
            of_address: HashMap::new(),
            yielding: BTreeMap::new(),
            admitted: 0,
            refused: 0,
        };
        Self { counts: Arc::new(Mutex::new(counts)), local }
    }

    /// A place for a connection from `addr`.
    ///
    /// # Errors
    /// When its address has as many as it may, or all places are taken and none yields; it is counted.
    pub fn admit(&self, addr: IpAddr) -> Result<Admitted, Refused> {
        let addr = self.local.keys(addr).own;
        let mut counts = lock(&self.counts);
        if counts.of_address.get(&addr).is_some_and(|here| *here >= counts.address_cap) {
            counts.refused += 1;
            return Err(Refused::Address);
        }
        let mut instead_of = None;
        // Past a cap that was lowered meanwhile places change hands too; the number falls as connections end.
        if counts.total >= counts.total_cap {
            instead_of = counts.end_one();
            if instead_of.is_none() {
                counts.refused += 1;
                return Err(Refused::Total);
            }
        }
        counts.total += 1;
        *counts.of_address.entry(addr).or_insert(0) += 1;
        counts.admitted += 1;
        let (age, yielded) = (counts.admitted, CancellationToken::new());
        counts.yielding.insert(Turn { of_a_person: false, age }, (addr, yielded.clone()));
        let slot = Slot { counts: Arc::clone(&self.counts), addr, age, serving: Mutex::new((0, false)), yielded };
        Ok(Admitted { slot, instead_of })
    }

    /// Ends a connection that never served anybody who is signed in, if there is one: the system has no room for a newcomer although the
    /// caps would let it in. Tells whose it was. People keep what they have, since nobody knows whether the newcomer is one of them; and who
    /// came last has had no time yet to say who they are.
    pub fn make_room(&self) -> Option<IpAddr> {
        let mut counts = lock(&self.counts);
        counts.yielding.first_key_value().filter(|(turn, _)| !turn.of_a_person && turn.age < counts.admitted)?;
        counts.end_one()
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        lock(&self.counts).total
    }

    /// How many were refused since the start.
    pub fn refused(&self) -> u64 {
        lock(&self.counts).refused
    }

    /// Puts other caps in force. Connections that are open stay.
    pub fn set(&self, total: usize, per_address: usize) {
        let mut counts = lock(&self.counts);
        counts.total_cap = total;
        counts.address_cap = per_address;
    }
}

impl Counts {
    /// Ends the connection whose turn it is to yield, and tells whose it was.
    fn end_one(&mut self) -> Option<IpAddr> {
        let (_, (addr, yielded)) = self.yielding.pop_first()?;
        self.give_back(addr);
        yielded.cancel();
        Some(addr)
    }

    fn give_back(&mut self, addr: IpAddr) {
        self.total = self.total.saturating_sub(1);
        if let Some(here) = self.of_address.get_mut(&addr) {
            *here -= 1;
            if *here == 0 {
                self.of_address.remove(&addr);
            }
        }
    }
}

impl Slot {
    /// Cancelled when the place was given to a newcomer: the connection is to end at once.
    pub fn yielded(&self) -> &CancellationToken {
        &self.yielded
    }

    /// A request of somebody who is signed in begins.
    pub fn serve(self: &Arc<Self>) -> Serving {
        // Always taken before the counts.
        let mut serving = lock(&self.serving);
        if serving.0 == 0 {
            lock(&self.counts).yielding.remove(&Turn { of_a_person: serving.1, age: self.age });
        }
        *serving = (serving.0 + 1, true);
        Serving(Arc::clone(self))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let slot = &self.0;
        let mut serving = lock(&slot.serving);
        serving.0 -= 1;
        if serving.0 == 0 && !slot.yielded.is_cancelled() {
            let turn = Turn { of_a_person: true, age: slot.age };
            lock(&slot.counts).yielding.insert(turn, (slot.addr, slot.yielded.clone()));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let (_, of_a_person) = *self.serving.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut counts = lock(&self.counts);
        // A place that yielded was given back when it did.
        if counts.yielding.remove(&Turn { of_a_person, age: self.age }).is_some() {
            counts.give_back(self.addr);
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
