//! A map that never holds more than its cap.

use std::collections::HashMap;
use std::hash::Hash;

/// A map with a cap. Who inserts says what is of no more use and what is the least loss.
pub(super) struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
    cap: usize,
}

impl<K: Eq + Hash + Clone, V> BoundedMap<K, V> {
    pub(super) fn new(cap: usize) -> Self {
        Self { entries: HashMap::new(), cap }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn cap(&self) -> usize {
        self.cap
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.cap
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// The entry of `key`, made by `fresh` if there is none. In a full map that costs another its place: one
    /// that is `expired` if there is any, else the one of the lowest `rank`; an entry without rank stays.
    /// `None` when nothing may go. Looking for the place takes one pass over the map, which is why maps here
    /// have a few thousand entries.
    pub(super) fn entry<R: Ord>(
        &mut self,
        key: &K,
        expired: impl Fn(&V) -> bool,
        rank: impl Fn(&V) -> Option<R>,
        fresh: impl FnOnce() -> V,
    ) -> Option<&mut V> {
        if !self.entries.contains_key(key) && self.is_full() {
            // `None` is less than any rank.
            let loss = |value: &V| {
                if expired(value) { Some(None) } else { rank(value).map(Some) }
            };
            let losses = self.entries.iter().filter_map(|(k, v)| Some((loss(v)?, k)));
            let least = losses.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, k)| k.clone())?;
            self.entries.remove(&least);
        }
        Some(self.entries.entry(key.clone()).or_insert_with(fresh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn expired_goes_first_then_the_lowest_rank_and_some_never() {
        let mut map = BoundedMap::new(3);
        let mut put = |key: u8, value: u8| {
            // 0 is expired, 100 and more never goes.
            map.entry(&key, |&v| v == 0, |&v| (v < 100).then_some(v), || value)
                .is_some()
                .then(|| map.iter().map(|(k, _)| *k).collect::<std::collections::BTreeSet<_>>())
        };
        put(1, 5);
        put(2, 0);
        put(3, 4);
        assert_eq!(put(4, 100), Some([1, 3, 4].into()));
        assert_eq!(put(5, 101), Some([1, 4, 5].into()));
        assert_eq!(put(6, 102), Some([4, 5, 6].into()));
        assert_eq!(put(7, 1), None);
        assert_eq!(put(4, 1), Some([4, 5, 6].into()), "a present key stays");
    }

    proptest! {
        #[test]
        fn never_over_the_cap(keys in prop::collection::vec(0u8..40, 0..200), cap in 1usize..8) {
            let mut map = BoundedMap::new(cap);
            for key in keys {
                let value = map.entry(&key, |v| v % 7 == 0, |&v| Some(v), || key).copied();
                prop_assert_eq!(value, Some(key));
                prop_assert!(map.len() <= cap);
            }
        }
    }
}
