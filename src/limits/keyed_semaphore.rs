//! A semaphore of which one key holds at most a share.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::locks::lock;

/// Semaphore with permits bounded in total and for each key, so that one key cannot take them all.
///
/// A key is remembered while it holds a permit, so there are never more keys than permits.
#[derive(Debug)]
pub struct KeyedSemaphore<K> {
    total: usize,
    share: usize,
    held: Mutex<HeldPermits<K>>,
}

#[derive(Debug)]
struct HeldPermits<K> {
    total: usize,
    by_key: BTreeMap<K, usize>,
}

/// Permit of a [`KeyedSemaphore`], given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct KeyedPermit<'a, K: Copy + Ord> {
    semaphore: &'a KeyedSemaphore<K>,
    key: Option<K>,
}

impl<K: Copy + Ord> KeyedSemaphore<K> {
    /// Creates a semaphore of `total` permits, of which one key holds at most `share`.
    pub const fn new(total: usize, share: usize) -> Self {
        Self { total, share, held: Mutex::new(HeldPermits { total: 0, by_key: BTreeMap::new() }) }
    }

    /// Takes a permit for `key`, or for one that is held to no share. Returns `None` if none is left for it.
    pub fn try_acquire(&self, key: Option<K>) -> Option<KeyedPermit<'_, K>> {
        let mut held = lock(&self.held);
        if held.total >= self.total {
            return None;
        }
        if let Some(key) = key {
            let own = held.by_key.get(&key).copied().unwrap_or_default();
            if own >= self.share {
                return None;
            }
            held.by_key.insert(key, own + 1);
        }
        held.total += 1;
        Some(KeyedPermit { semaphore: self, key })
    }
}

impl<K: Copy + Ord> Drop for KeyedPermit<'_, K> {
    fn drop(&mut self) {
        let mut held = lock(&self.semaphore.held);
        held.total -= 1;
        let Some(key) = self.key else { return };
        if let Some(own) = held.by_key.get_mut(&key) {
            *own -= 1;
            if *own == 0 {
                held.by_key.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_key_leaves_the_rest_to_others() {
        let semaphore = KeyedSemaphore::new(8, 2);
        let take = |key, times: usize| -> Vec<_> {
            std::iter::repeat_with(|| semaphore.try_acquire(key)).take(times).flatten().collect()
        };
        let mut first = take(Some(1), 9);
        let others = [take(Some(2), 9), take(Some(3), 9)];
        assert_eq!((first.len(), others.iter().map(Vec::len).sum::<usize>()), (2, 4));
        let free = take(None, 9);
        assert_eq!(free.len(), 2, "without a key the total alone bounds");
        assert!(semaphore.try_acquire(Some(4)).is_none());
        first.pop();
        assert!(semaphore.try_acquire(Some(4)).is_some());
        drop((first, others, free));
        assert!(lock(&semaphore.held).by_key.is_empty());
        assert_eq!(lock(&semaphore.held).total, 0);
    }

    proptest! {
        #[test]
        fn permits_and_keys_are_bounded(ops in prop::collection::vec((0u8..5, any::<bool>()), 0..200)) {
            let semaphore = KeyedSemaphore::new(7, 3);
            let mut permits = Vec::new();
            for (key, takes) in ops {
                if takes {
                    permits.extend(semaphore.try_acquire(Some(key)).map(|permit| (key, permit)));
                } else if let Some(at) = permits.iter().position(|(held, _)| *held == key) {
                    drop(permits.remove(at));
                }
                let own = permits.iter().filter(|(held, _)| *held == key).count();
                prop_assert!(permits.len() <= 7 && own <= 3);
                let held = lock(&semaphore.held);
                prop_assert_eq!(held.total, permits.len());
                prop_assert_eq!(held.by_key.values().sum::<usize>(), permits.len());
                prop_assert!(held.by_key.values().all(|own| *own > 0));
            }
        }
    }
}
