//! Mutations for the driver without coverage: seeded, so that every run tries the same inputs.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Lot(u64);

impl Lot {
    /// Begins a sequence that depends on `name` alone.
    pub fn named(name: &str) -> Self {
        let hash = blake3::hash(name.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, or 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Longest input that is made.
pub const LONGEST: usize = 4096;

/// Bytes that decoders treat in a way of their own.
const TELLING: &[u8] = b"\x00\x01\x7f\x80\x90\xc0\xc4\xff/.:=@-\"'\n\\[";

/// Returns one of the seeds, changed in one to eight places.
pub fn mutated(seeds: &[Vec<u8>], lot: &mut Lot) -> Vec<u8> {
    let mut bytes = seeds[lot.below(seeds.len())].clone();
    for _ in 0..=lot.below(8) {
        let other = &seeds[lot.below(seeds.len())];
        change(&mut bytes, other, lot);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], lot: &mut Lot) {
    let at = lot.below(bytes.len());
    let end = (at + lot.below(16)).min(bytes.len());
    match lot.below(8) {
        0 => overwrite(bytes, at, |byte, lot| byte ^ (1 << lot.below(8)), lot),
        1 => overwrite(bytes, at, |_, lot| TELLING[lot.below(TELLING.len())], lot),
        2 => overwrite(bytes, at, |_, lot| lot.below(256) as u8, lot),
        3 => bytes.insert(at, TELLING[lot.below(TELLING.len())]),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.extend_from_within(at..end),
        6 => splice(bytes, at, other, lot),
        _ => bytes.truncate(at),
    }
}

fn overwrite(bytes: &mut [u8], at: usize, new: impl Fn(u8, &mut Lot) -> u8, lot: &mut Lot) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = new(*byte, lot);
    }
}

/// Puts a piece of another input in.
fn splice(bytes: &mut Vec<u8>, at: usize, other: &[u8], lot: &mut Lot) {
    let from = lot.below(other.len());
    let to = (from + lot.below(64)).min(other.len());
    let piece = other[from..to].iter().copied();
    bytes.splice(at..at, piece);
}
