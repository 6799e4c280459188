//! A hash for keys that nobody outside can choose.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps whose keys spread by themselves: numbers that count up, or parts of a signature. Where a caller
/// chooses the keys, the standard library's hash has to be used, which is slower and cannot be foreseen.
pub type BuildPlainHasher = BuildHasherDefault<PlainHasher>;

/// See [`BuildPlainHasher`].
#[derive(Debug, Default)]
pub struct PlainHasher(u64);

impl Hasher for PlainHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio: neighbours end up far apart, in the high bits and in the low ones.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The high bits of a product are the mixed ones, and 32-bit targets look at the low half alone.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn numbers_that_count_up_spread_over_a_small_table() {
        let hash = |number: u32| BuildPlainHasher::default().hash_one(number);
        let places: HashSet<u64> = (1000..2024).map(|number| hash(number) % 1024).collect();
        assert!(places.len() > 500, "{} of 1,024 places", places.len());
    }

    #[test]
    fn every_byte_counts() {
        let hash = |bytes: &[u8]| BuildPlainHasher::default().hash_one(bytes);
        assert_ne!(hash(b"ab"), hash(b"ba"));
        assert_ne!(hash(b"a"), hash(b"aa"));
    }
}
