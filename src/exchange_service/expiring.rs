//! A bounded map whose entries end at a time of their own.
//!
//! It is never searched as a whole: the entries are ordered by their end, and each insertion forgets two
//! that have ended. So each call takes nearly the same time, however many entries there are.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

/// The entries that an insertion forgets. It adds one, so that those that have ended become fewer.
const FORGOTTEN_PER_INSERTION: usize = 2;

/// The map. `T` is a time.
#[derive(Debug)]
pub(super) struct Expiring<K, V, T> {
    entries: HashMap<K, (V, T)>,
    /// An entry that was replaced is also here with its old end.
    by_end: BinaryHeap<Reverse<(T, K)>>,
    capacity: usize,
}

impl<K: Clone + Ord + Hash, V, T: Copy + Ord> Expiring<K, V, T> {
    /// Returns an empty map with this capacity.
    pub(super) fn new(capacity: usize) -> Self {
        Expiring {
            entries: HashMap::new(),
            by_end: BinaryHeap::new(),
            capacity,
        }
    }

    /// Returns the value of this key, if its end is after `now`.
    pub(super) fn get<Q>(&self, key: &Q, now: T) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let found = self.entries.get(key).filter(|(_, end)| now < *end);
        found.map(|(value, _)| value)
    }

    /// Inserts or replaces a value. A full map forgets the entry that ends first.
    pub(super) fn insert(&mut self, key: K, value: V, end: T, now: T) {
        self.forget(now, FORGOTTEN_PER_INSERTION);
        while self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.forget_first();
        }
        self.by_end.push(Reverse((end, key.clone())));
        self.entries.insert(key, (value, end));
    }

    /// Forgets entries that have ended, `most` at most. Returns whether there may be more of them.
    pub(super) fn forget(&mut self, now: T, most: usize) -> bool {
        for _ in 0..most {
            match self.by_end.peek() {
                Some(Reverse((end, _))) if *end <= now => self.forget_first(),
                _ => return false,
            }
        }
        true
    }

    fn forget_first(&mut self) {
        let Some(Reverse((end, key))) = self.by_end.pop() else {
            return;
        };
        if self.entries.get(&key).is_some_and(|(_, of)| *of == end) {
            self.entries.remove(&key);
        }
    }

    /// Returns the number of entries, with those that have ended and are not forgotten yet.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_at_its_time_and_can_be_replaced() {
        let mut map = Expiring::new(10);
        map.insert("ada", 1, 100, 0);
        assert_eq!((map.get("ada", 99), map.get("ada", 100)), (Some(&1), None));
        map.insert("ada", 2, 200, 100);
        map.insert("ben", 3, 150, 100);
        assert!(!map.forget(149, 9), "the old end of ada is no end");
        assert_eq!((map.get("ada", 199), map.len()), (Some(&2), 2));
        assert!(!map.forget(150, 9));
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn a_full_map_forgets_the_entry_that_ends_first() {
        let mut map = Expiring::new(2);
        map.insert("late", (), 300, 0);
        map.insert("early", (), 100, 0);
        map.insert("early", (), 200, 0);
        map.insert("new", (), 250, 0);
        assert_eq!(map.len(), 2);
        assert!(map.get("early", 0).is_none());
    }

    #[test]
    fn insertions_forget_what_has_ended() {
        let mut map = Expiring::new(usize::MAX);
        for now in 0..10_000_u32 {
            map.insert(now, (), now + 100, now);
        }
        assert_eq!((map.len(), map.by_end.len()), (100, 100));
        let mut burst = Expiring::new(usize::MAX);
        for number in 0..1_000_u32 {
            burst.insert(number, (), 1, 0);
        }
        assert!(burst.forget(1, 300), "there are more");
        for number in 0..700 {
            burst.insert(1_000 + number, (), 9, 1);
        }
        assert_eq!(burst.len(), 700);
    }
}
