//! Limits open connections: in total, of one address, of one person. When all places are taken, a newcomer
//! gets the place of a connection that serves no person.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::address::LocalPrefixes;
use crate::locks::{self, lock};
use crate::types::UserId;

/// Counts open connections against their caps. A clone is a handle to the same counts.
///
/// A connection counts for its address until it has served a signed-in user, and for that user from then on.
/// So an office behind one address is not bound by the share of strangers, and no user holds more than a
/// share. A connection past the user's share stays one of its address and is evicted first when that share is
/// full: one user cannot exclude the others of an address.
///
/// Without eviction, idle or slow clients could hold every slot (slowloris). When all are taken, a newcomer
/// evicts a connection that serves no user: first those that never did, then idle ones, the oldest first.
#[derive(Clone, Debug)]
pub struct ConnectionCaps {
    counts: Arc<Mutex<Counts>>,
    local: LocalPrefixes,
}

/// Every address in `of_address` and every person in `of_person` has a connection, so neither map is ever
/// larger than `total_cap` (or than it was when the cap was lowered); nor are `yielding` and `past_share`.
#[derive(Debug)]
struct Counts {
    total_cap: usize,
    /// Connections of one address that served no person, and connections of one person.
    share_cap: usize,
    total: usize,
    of_address: HashMap<IpAddr, usize>,
    of_person: HashMap<UserId, usize>,
    /// Connections whose place may be given to a newcomer, in the order in which they yield.
    yielding: BTreeMap<EvictionKey, Evictable>,
    /// Address and age of the connections that served a person past that person's share. All of them yield.
    past_share: BTreeSet<(IpAddr, u64)>,
    /// Connections since the start.
    admitted: u64,
    refused: u64,
}

/// Handle that ends a connection for a newcomer.
#[derive(Debug)]
struct Evictable {
    addr: IpAddr,
    holder: Holder,
    yielded: CancellationToken,
}

/// Share in which a connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Address(IpAddr),
    /// A trusted proxy's address, which has no share of its own: many clients come from there.
    Proxy,
    Person(UserId),
}

/// When a connection yields: those of strangers before those of people, then the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EvictionKey {
    of_a_person: bool,
    age: u64,
}

impl Holder {
    const fn is_person(self) -> bool {
        matches!(self, Self::Person(_))
    }
}

/// Reason for refusing a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The total cap is reached, and every connection serves a user.
    Total,
    /// This address has as many as one may that serve no person.
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
    serving: Mutex<Served>,
    yielded: CancellationToken,
}

/// Requests of signed-in people under way on a connection, and whose share it counts in.
#[derive(Debug)]
struct Served {
    under_way: usize,
    holder: Holder,
}

/// A request of a signed-in person: the place does not yield while this lives, if it is within that person's
/// share.
#[derive(Debug)]
#[must_use]
pub struct AuthenticatedRequestGuard(Arc<Slot>);

impl ConnectionCaps {
    /// At most `total` connections; `share` of one address (see [`LocalPrefixes::keys`]) that served no
    /// person, and of one person.
    pub fn new(total: usize, share: usize, local: LocalPrefixes) -> Self {
        let counts = Counts {
            total_cap: total,
            share_cap: share,
            total: 0,
            of_address: HashMap::new(),
            of_person: HashMap::new(),
            yielding: BTreeMap::new(),
            past_share: BTreeSet::new(),
            admitted: 0,
            refused: 0,
        };
        Self { counts: Arc::new(Mutex::new(counts)), local }
    }

    /// A place for a connection from `addr`. A trusted proxy is held to no share of an address.
    ///
    /// # Errors
    /// When its address has as many as it may, or all places are taken and none yields; it is counted.
    pub fn admit(&self, addr: IpAddr, is_trusted_proxy: bool) -> Result<Admitted, Refused> {
        self.try_admit(addr, is_trusted_proxy).inspect_err(|_| self.note_refused())
    }

    /// Counts a connection that was refused after [`try_admit`](Self::try_admit).
    pub fn note_refused(&self) {
        lock(&self.counts).refused += 1;
    }

    /// As [`admit`](Self::admit), for a connection that may wait: one that gets no place is not counted.
    ///
    /// # Errors
    /// As there.
    pub fn try_admit(&self, addr: IpAddr, is_trusted_proxy: bool) -> Result<Admitted, Refused> {
        self.try_admit_past(addr, is_trusted_proxy, u64::MAX)
    }

    /// As [`try_admit`](Self::try_admit), for a connection that has waited: none after the first `latest` is
    /// evicted for it.
    ///
    /// # Errors
    /// As there.
    pub fn try_admit_past(
        &self,
        addr: IpAddr,
        is_trusted_proxy: bool,
        latest: u64,
    ) -> Result<Admitted, Refused> {
        let addr = self.counts_for(addr);
        let holder = if is_trusted_proxy { Holder::Proxy } else { Holder::Address(addr) };
        let mut counts = lock(&self.counts);
        let mut instead_of = None;
        if !counts.has_room(holder) {
            instead_of = counts.end_past_share(addr);
            if instead_of.is_none() {
                return Err(Refused::Address);
            }
        }
        // Past a cap that was lowered since, places change hands too; the number falls as connections end.
        if counts.total >= counts.total_cap {
            instead_of = counts.pop_oldest(latest);
            if instead_of.is_none() {
                return Err(Refused::Total);
            }
        }
        counts.total += 1;
        counts.take(holder);
        counts.admitted += 1;
        let (age, yielded) = (counts.admitted, CancellationToken::new());
        let turn = EvictionKey { of_a_person: false, age };
        counts.yielding.insert(turn, Evictable { addr, holder, yielded: yielded.clone() });
        let serving = Mutex::new(Served { under_way: 0, holder });
        let slot = Slot { counts: Arc::clone(&self.counts), addr, age, serving, yielded };
        Ok(Admitted { slot, instead_of })
    }

    /// Evicts a connection that never served a signed-in user, if there is one, and returns its address.
    /// Called when the system has no descriptors although the caps have room. Users keep their connections,
    /// since the newcomer may be a stranger. The latest connections have had no time to sign in.
    pub fn evict_one(&self) -> Option<IpAddr> {
        let mut counts = lock(&self.counts);
        counts
            .yielding
            .first_key_value()
            .filter(|(turn, _)| !turn.of_a_person && turn.age < counts.admitted)?;
        counts.pop_oldest(u64::MAX)
    }

    /// Returns the address for which connections of `addr` count (see [`LocalPrefixes::keys`]).
    pub fn counts_for(&self, addr: IpAddr) -> IpAddr {
        self.local.keys(addr).own
    }

    /// Returns the number of connections admitted since the start.
    pub fn admitted(&self) -> u64 {
        lock(&self.counts).admitted
    }

    /// Returns the number of open connections.
    pub fn count(&self) -> usize {
        lock(&self.counts).total
    }

    /// Returns the number of refused connections since the start.
    pub fn refused(&self) -> u64 {
        lock(&self.counts).refused
    }

    /// Puts other caps in force. Connections that are open stay.
    pub fn set(&self, total: usize, share: usize) {
        let mut counts = lock(&self.counts);
        counts.total_cap = total;
        counts.share_cap = share;
    }
}

impl Counts {
    fn has_room(&self, holder: Holder) -> bool {
        let held = match holder {
            Holder::Address(addr) => self.of_address.get(&addr),
            Holder::Person(person) => self.of_person.get(&person),
            Holder::Proxy => None,
        };
        held.is_none_or(|held| *held < self.share_cap)
    }

    fn take(&mut self, holder: Holder) {
        match holder {
            Holder::Address(addr) => *self.of_address.entry(addr).or_insert(0) += 1,
            Holder::Person(person) => *self.of_person.entry(person).or_insert(0) += 1,
            Holder::Proxy => {}
        }
    }

    fn release(&mut self, holder: Holder) {
        match holder {
            Holder::Address(addr) => decrement(&mut self.of_address, addr),
            Holder::Person(person) => decrement(&mut self.of_person, person),
            Holder::Proxy => {}
        }
    }

    /// Ends the connection among the first `latest` that is first to yield, and tells whose it was.
    fn pop_oldest(&mut self, latest: u64) -> Option<IpAddr> {
        let oldest = |of_a_person| {
            let all = EvictionKey { of_a_person, age: 0 }..=EvictionKey { of_a_person, age: latest };
            self.yielding.range(all).next().map(|(turn, _)| *turn)
        };
        let turn = oldest(false).or_else(|| oldest(true))?;
        let yielding = self.yielding.remove(&turn)?;
        Some(self.end(turn, yielding))
    }

    /// Ends the oldest connection of an address that served a person past that person's share, and returns
    /// the address.
    fn end_past_share(&mut self, addr: IpAddr) -> Option<IpAddr> {
        let (_, age) = *self.past_share.range((addr, 0)..=(addr, u64::MAX)).next()?;
        let turn = EvictionKey { of_a_person: false, age };
        let yielding = self.yielding.remove(&turn)?;
        Some(self.end(turn, yielding))
    }

    fn end(&mut self, turn: EvictionKey, Evictable { addr, holder, yielded }: Evictable) -> IpAddr {
        self.past_share.remove(&(addr, turn.age));
        self.total = self.total.saturating_sub(1);
        self.release(holder);
        yielded.cancel();
        addr
    }
}

/// One less of `key`; a key at zero goes.
fn decrement<K: Eq + Hash>(held: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut held) = held.entry(key) {
        *held.get_mut() -= 1;
        if *held.get() == 0 {
            held.remove();
        }
    }
}

impl Slot {
    /// Cancelled when the place was given to a newcomer: the connection is to end at once.
    pub fn evicted_signal(&self) -> &CancellationToken {
        &self.yielded
    }

    /// A request of a signed-in person begins.
    pub fn serve(self: &Arc<Self>, person: UserId) -> AuthenticatedRequestGuard {
        // Always taken before the counts.
        let mut serving = lock(&self.serving);
        serving.under_way += 1;
        // Most requests come on a connection that is serving, or idle and its person's already.
        if serving.under_way == 1 || !serving.holder.is_person() {
            let mut counts = lock(&self.counts);
            let turn = EvictionKey { of_a_person: serving.holder.is_person(), age: self.age };
            if !serving.holder.is_person() && !self.yielded.is_cancelled() {
                if counts.has_room(Holder::Person(person)) {
                    counts.past_share.remove(&(self.addr, self.age));
                    counts.release(serving.holder);
                    serving.holder = Holder::Person(person);
                    counts.take(serving.holder);
                } else if serving.holder != Holder::Proxy {
                    counts.past_share.insert((self.addr, self.age));
                }
            }
            if serving.holder.is_person() {
                counts.yielding.remove(&turn);
            }
        }
        drop(serving);
        AuthenticatedRequestGuard(Arc::clone(self))
    }
}

impl Drop for AuthenticatedRequestGuard {
    fn drop(&mut self) {
        let slot = &self.0;
        let mut serving = lock(&slot.serving);
        serving.under_way -= 1;
        // One that is no person's has yielded to newcomers all along.
        if serving.under_way == 0 && serving.holder.is_person() && !slot.yielded.is_cancelled() {
            let turn = EvictionKey { of_a_person: true, age: slot.age };
            let yielding =
                Evictable { addr: slot.addr, holder: serving.holder, yielded: slot.yielded.clone() };
            lock(&slot.counts).yielding.insert(turn, yielding);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let holder = locks::unshared(&mut self.serving).holder;
        let mut counts = lock(&self.counts);
        counts.past_share.remove(&(self.addr, self.age));
        // A place that yielded was given back when it did.
        if counts.yielding.remove(&EvictionKey { of_a_person: holder.is_person(), age: self.age }).is_some() {
            counts.total = counts.total.saturating_sub(1);
            counts.release(holder);
        }
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
