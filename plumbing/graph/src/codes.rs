//! Fast maps: by small numbers, and by names.
//!
//! The numbers are given out here, one after the other, so nobody can choose them to collide; what
//! comes from outside (paths, names of contents, commands) has a hash that each process seeds anew.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are made of small numbers.
pub(crate) type CodeMap<K, V> = HashMap<K, V, BuildHasherDefault<CodeHasher>>;

/// A map whose keys come from outside.
pub(crate) type NameMap<K, V> = HashMap<K, V, RandomState>;

/// Multiplies by an odd number near 2^64 divided by the golden ratio (Knuth, TAOCP 6.4).
#[derive(Default)]
pub(crate) struct CodeHasher(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for CodeHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(29) ^ u64::from(number)).wrapping_mul(FACTOR);
    }
}
