//! Queue that takes turns by person.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// Round-robin queue: each waiting key has one turn before any has a second. Values of one key keep their
/// order.
pub(super) struct FairQueue<K, V> {
    /// Nonempty queues by key.
    waiting: BTreeMap<K, VecDeque<V>>,
    /// Key that had the last turn.
    last: Option<K>,
}

impl<K, V> Default for FairQueue<K, V> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), last: None }
    }
}

impl<K: Ord + Copy, V> FairQueue<K, V> {
    /// Appends a value to its key's queue.
    pub(super) fn push(&mut self, key: K, value: V) {
        self.waiting.entry(key).or_default().push_back(value);
    }

    /// Returns a value to the front of its key's queue after a failed attempt.
    pub(super) fn put_back(&mut self, key: K, value: V) {
        self.waiting.entry(key).or_default().push_front(value);
    }

    /// Removes the first value of the next key in turn.
    pub(super) fn pop(&mut self) -> Option<(K, V)> {
        let follows = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next =
            self.waiting.range((follows, Bound::Unbounded)).next().or_else(|| self.waiting.first_key_value());
        let key = *next?.0;
        let own = self.waiting.get_mut(&key)?;
        let value = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&key);
        }
        self.last = Some(key);
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_value_waits_for_one_of_each_other_key() {
        let mut queue = FairQueue::default();
        (0..64).for_each(|n| queue.push('a', n));
        assert_eq!(queue.pop(), Some(('a', 0)));
        queue.push('b', 100);
        assert_eq!(queue.pop(), Some(('b', 100)));
        queue.put_back('b', 100);
        assert_eq!(
            [queue.pop(), queue.pop(), queue.pop()],
            [Some(('a', 1)), Some(('b', 100)), Some(('a', 2))]
        );
    }

    /// Returns the number of values in a model.
    fn left(model: &BTreeMap<u8, VecDeque<u32>>) -> usize {
        model.values().map(VecDeque::len).sum()
    }

    proptest! {
        #[test]
        fn turns_are_fair_and_order_within_a_key_is_kept(ops in prop::collection::vec((0u8..4, 0u8..6), 0..300)) {
            let (mut queue, mut model) = (FairQueue::default(), BTreeMap::<u8, VecDeque<u32>>::new());
            // Turns of other keys since a key started to wait or had its own.
            let mut passed_over = BTreeMap::<u8, Vec<u8>>::new();
            let mut next = 0;
            for (op, key) in ops {
                if op > 0 {
                    next += 1;
                    queue.push(key, next);
                    model.entry(key).or_default().push_back(next);
                    passed_over.entry(key).or_default();
                    continue;
                }
                let popped = queue.pop();
                prop_assert_eq!(popped.is_some(), left(&model) > 0);
                let Some((key, value)) = popped else { continue };
                prop_assert_eq!(model.get_mut(&key).and_then(VecDeque::pop_front), Some(value));
                passed_over.remove(&key);
                for turns in passed_over.values_mut() {
                    prop_assert!(!turns.contains(&key), "a second turn before another's first");
                    turns.push(key);
                }
                if model.get(&key).is_some_and(|own| !own.is_empty()) {
                    passed_over.insert(key, Vec::new());
                }
            }
            let rest = std::iter::from_fn(|| queue.pop()).count();
            prop_assert_eq!(rest, left(&model));
            prop_assert!(queue.waiting.is_empty());
        }
    }
}
