//! One slot of the cache's table: eight words, of which the last vouches for the others.

use crate::FileVersion;
use roar_object::ContentId;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words in a slot.
pub(crate) const WORDS: usize = 8;
/// Bytes in a slot.
pub(crate) const BYTES: usize = WORDS * 8;

const DIGEST: usize = 3;
const CHECK: usize = 7;

/// What a slot says: a file's version, and the name of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    words: [u64; WORDS],
}

impl Slot {
    pub(crate) fn new(version: &FileVersion, id: ContentId) -> Self {
        let mut words = [0; WORDS];
        words[..DIGEST].copy_from_slice(&key(version));
        let (digest, _) = id.as_bytes().as_chunks::<8>();
        for (word, bytes) in words[DIGEST..CHECK].iter_mut().zip(digest) {
            *word = u64::from_le_bytes(*bytes);
        }
        words[CHECK] = check(&words);
        Self { words }
    }

    /// Reads a slot that others may be writing; [`Slot::is_genuine`] tells whether it is whole.
    pub(crate) fn load(place: &[AtomicU64]) -> Self {
        let mut words = [0; WORDS];
        for (word, atom) in words.iter_mut().zip(place) {
            *word = u64::from_le(atom.load(Ordering::Relaxed));
        }
        Self { words }
    }

    pub(crate) fn store(&self, place: &[AtomicU64]) {
        for (word, atom) in self.words.iter().zip(place) {
            atom.store(word.to_le(), Ordering::Relaxed);
        }
    }

    pub(crate) fn is_free(&self) -> bool {
        self.words == [0; WORDS]
    }

    pub(crate) fn is_genuine(&self) -> bool {
        !self.is_free() && self.words[CHECK] == check(&self.words)
    }

    pub(crate) fn is_for(&self, version: &FileVersion) -> bool {
        self.words[0] == file(version)
    }

    /// Returns the name of the bytes of `version`, if that is the version this slot is about.
    pub(crate) fn answer(&self, version: &FileVersion) -> Option<ContentId> {
        (self.is_for(version) && self.words[..DIGEST] == key(version) && self.is_genuine())
            .then(|| self.id())
    }

    fn id(&self) -> ContentId {
        let mut bytes = [0; ContentId::LEN];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, word) in chunks.iter_mut().zip(&self.words[DIGEST..CHECK]) {
            *chunk = word.to_le_bytes();
        }
        ContentId::from_bytes(bytes)
    }

    /// Returns where among `slots` the search for this slot's file begins.
    pub(crate) const fn home(&self, slots: u64) -> u64 {
        among(self.words[0], slots)
    }
}

/// Returns what a slot says of a version.
const fn key(version: &FileVersion) -> [u64; DIGEST] {
    let state = mix(mix(FACTOR, version.ino), version.size);
    let state = mix(state, version.mtime_ns.cast_unsigned());
    [
        file(version),
        version.ctime_ns.cast_unsigned(),
        mix(state, version.dev),
    ]
}

const fn file(version: &FileVersion) -> u64 {
    mix(mix(SEED, version.dev), version.ino)
}

/// Returns where among `slots` the search for a file begins.
pub(crate) const fn home(version: &FileVersion, slots: u64) -> u64 {
    among(file(version), slots)
}

const fn among(file: u64, slots: u64) -> u64 {
    ((file as u128 * slots as u128) >> 64) as u64
}

/// Fractional digits of pi: numbers with nothing up their sleeve.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x1319_8a2e_0370_7345;

/// Folds a word into a state: the two halves of a long product, which spreads every bit over all.
const fn mix(state: u64, word: u64) -> u64 {
    let product = ((state ^ word) as u128) * (FACTOR as u128);
    (product as u64 ^ (product >> 64) as u64)
        .rotate_left(23)
        .wrapping_add(SEED)
}

fn check(words: &[u64; WORDS]) -> u64 {
    words[..CHECK]
        .iter()
        .fold(SEED, |state, &word| mix(state, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(dev: u64, ino: u64) -> FileVersion {
        FileVersion {
            dev,
            ino,
            size: 5,
            mtime_ns: -1,
            ctime_ns: i64::MAX,
            mode: 0o100_644,
        }
    }

    #[test]
    fn nothing_is_not_genuine() {
        let empty = Slot { words: [0; WORDS] };
        assert!(empty.is_free() && !empty.is_genuine());
    }

    #[test]
    fn slots_never_change() {
        let slot = Slot::new(&version(1, 2), ContentId::of(b""));
        let expected = "0d3b82d8ec483b43 7fffffffffffffff bdd7c19c614de0eb a6a1f9f5b94913af \
                        49c9dc36ea4d40a0 b712c1adc925cb9b 62321fe4ca939acc 196a67cbf049b12a";
        let words = slot.words.map(|word| format!("{word:016x}"));
        assert_eq!(words.join(" "), expected);
    }

    proptest! {
        #[test]
        fn a_slot_answers_for_its_version_and_no_other(dev: u64, ino: u64, bytes: [u8; 32], bit in 0usize..5) {
            let id = ContentId::from_bytes(bytes);
            let version = version(dev, ino);
            let slot = Slot::new(&version, id);
            prop_assert_eq!(slot.answer(&version), Some(id));
            let mut other = version;
            match bit {
                0 => other.dev ^= 1,
                1 => other.ino ^= 1,
                2 => other.size ^= 1,
                3 => other.mtime_ns ^= 1,
                _ => other.ctime_ns ^= 1,
            }
            prop_assert_eq!(slot.answer(&other), None);
        }

        #[test]
        fn a_slot_with_a_word_of_another_is_not_genuine(a: [u8; 32], b: [u8; 32], word in 3usize..7) {
            let one = Slot::new(&version(1, 2), ContentId::from_bytes(a));
            let two = Slot::new(&version(1, 2), ContentId::from_bytes(b));
            let mut torn = one;
            torn.words[word] = two.words[word];
            prop_assert_eq!(torn.is_genuine(), torn == one);
        }

        #[test]
        fn every_file_has_a_home(dev: u64, ino: u64, slots in 1u64..u64::MAX) {
            prop_assert!(home(&version(dev, ino), slots) < slots);
        }
    }
}
