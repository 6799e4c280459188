//! A map that forgets rather than grows.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};

/// Entries live in two generations. When the young one is full it becomes the old one, and what was
/// old is dropped. So memory is bounded and every step costs the same; what is used stays.
#[derive(Debug)]
pub struct Bounded<K, V, S = RandomState> {
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
    /// Bytes the young generation takes, as told on insertion.
    bytes: usize,
    limit: Limit,
}

/// What one generation may hold; the map holds at most two of them.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Entries.
    pub entries: usize,
    /// Bytes.
    pub bytes: usize,
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> Bounded<K, V, S> {
    /// An empty map.
    pub fn new(limit: Limit) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            bytes: 0,
            limit,
        }
    }

    /// An entry of either generation.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// An entry of the old generation, taken out so that it can be put in again where it is still used.
    pub fn take_old<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.old.remove_entry(key)
    }

    /// An entry of the young generation.
    pub fn young<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key)
    }

    /// Puts an entry in, in place of one with the same key. `bytes` is what it takes.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        if self.young.len() >= self.limit.entries
            || self.bytes.saturating_add(bytes) > self.limit.bytes
        {
            self.turn();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.young.insert(key, value);
    }

    /// Takes an entry out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Makes the young generation the old one.
    pub fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.bytes = 0;
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Bounded<u32, u32> {
        Bounded::new(Limit {
            entries: 100,
            bytes: 1000,
        })
    }

    #[test]
    fn entries_and_bytes_are_bounded_whatever_is_put_in() {
        for bytes in [1, 10, 600, 5000] {
            let mut map = map();
            for number in 0..10_000 {
                map.insert(number, number, bytes);
                assert!(map.young.len() <= 100 && map.old.len() <= 100);
                assert!(map.bytes <= 1000.max(bytes));
            }
            assert_eq!(map.get(&9_999), Some(&9_999));
            assert_eq!(map.get(&0), None);
        }
    }

    #[test]
    fn what_is_used_survives_the_turn_of_generations() {
        let mut map = map();
        map.insert(7, 70, 1);
        for number in 1000..2000 {
            map.insert(number, 0, 1);
            if map.young(&7).is_none() {
                let (key, value) = map.take_old(&7).unwrap();
                map.insert(key, value, 1);
            }
        }
        assert_eq!(map.get(&7), Some(&70));
    }

    #[test]
    fn an_entry_taken_out_is_gone_from_both_generations() {
        let mut map = map();
        map.insert(1, 1, 1);
        map.turn();
        map.insert(1, 2, 1);
        map.remove(&1);
        assert_eq!(map.get(&1), None);
        assert!(map.is_empty());
    }
}
