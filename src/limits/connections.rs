//! How many connections are open, of all and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::address_key;

/// Counts open connections against two caps. A clone is a handle to the same counts.
#[derive(Clone, Debug)]
pub struct ConnectionCaps {
    counts: Arc<Mutex<Counts>>,
}

/// Every address in `of_address` has a connection, so the map is never larger than `total_cap` (or than it was when the
/// cap was lowered).
#[derive(Debug)]
struct Counts {
    total_cap: usize,
    address_cap: usize,
    total: usize,
    of_address: HashMap<IpAddr, usize>,
    refused: u64,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The server has as many as it takes.
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

/// The place of one connection, given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Slot {
    counts: Arc<Mutex<Counts>>,
    addr: IpAddr,
}

impl ConnectionCaps {
    /// At most `total` connections, `per_address` of one address (see [`address_key`]).
    pub fn new(total: usize, per_address: usize) -> Self {
        let counts = Counts { total_cap: total, address_cap: per_address, total: 0, of_address: HashMap::new(), refused: 0 };
        Self { counts: Arc::new(Mutex::new(counts)) }
    }

    /// A place for a connection from `addr`.
    ///
    /// # Errors
    /// When one of the caps is reached; it is counted.
    pub fn admit(&self, addr: IpAddr) -> Result<Slot, Refused> {
        let addr = address_key(addr);
        let mut counts = lock(&self.counts);
        let here = counts.of_address.get(&addr).copied().unwrap_or(0);
        let refused = if here >= counts.address_cap {
            Some(Refused::Address)
        } else if counts.total >= counts.total_cap {
            Some(Refused::Total)
        } else {
            None
        };
        if let Some(why) = refused {
            counts.refused += 1;
            return Err(why);
        }
        counts.total += 1;
        counts.of_address.insert(addr, here + 1);
        Ok(Slot { counts: Arc::clone(&self.counts), addr })
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

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total = counts.total.saturating_sub(1);
        if let Some(here) = counts.of_address.get_mut(&self.addr) {
            *here -= 1;
            if *here == 0 {
                counts.of_address.remove(&self.addr);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn addr(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    #[test]
    fn both_caps_hold_and_slots_come_back() {
        let caps = ConnectionCaps::new(3, 2);
        let first = caps.admit(addr(1)).unwrap();
        let second = caps.admit("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert_eq!(caps.admit(addr(1)).err(), Some(Refused::Address));
        let third = caps.admit(addr(2)).unwrap();
        assert_eq!(caps.admit(addr(3)).err(), Some(Refused::Total));
        assert_eq!((caps.count(), caps.refused()), (3, 2));
        drop(first);
        assert!(caps.admit(addr(1)).is_ok());
        caps.set(1, 1);
        assert_eq!(caps.count(), 2, "who is in stays in");
        assert_eq!(caps.admit(addr(4)).err(), Some(Refused::Total));
        drop((second, third));
        assert!(caps.admit(addr(4)).is_ok());
    }

    proptest! {
        #[test]
        fn counts_are_what_is_held(ops in prop::collection::vec((0u32..6, any::<bool>()), 0..300)) {
            let caps = ConnectionCaps::new(8, 3);
            let mut held: Vec<(u32, Slot)> = Vec::new();
            for (n, open) in ops {
                if open {
                    let here = held.iter().filter(|(m, _)| *m == n).count();
                    let slot = caps.admit(addr(n));
                    prop_assert_eq!(slot.is_ok(), here < 3 && held.len() < 8);
                    held.extend(slot.ok().map(|slot| (n, slot)));
                } else if let Some(i) = held.iter().position(|(m, _)| *m == n) {
                    drop(held.swap_remove(i));
                }
                prop_assert_eq!(caps.count(), held.len());
            }
            held.clear();
            prop_assert_eq!(caps.count(), 0);
            prop_assert!(lock(&caps.counts).of_address.is_empty());
        }
    }
}
