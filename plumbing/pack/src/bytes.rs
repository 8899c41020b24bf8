//! Fixed-width integers and checksums, as every file of packs and of the store writes them.

use roar_object::ObjectId;
use std::cmp::Ordering;
use std::sync::OnceLock;

/// Takes fields off the front of a byte slice; every method returns `None` when too little is left.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(
    /// What is left.
    pub &'a [u8],
);

impl<'a> Fields<'a> {
    /// Takes that many bytes.
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    /// Takes `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    /// Takes a byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Takes two bytes, the lower one first.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes four bytes, the lowest first.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes eight bytes, the lowest first.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes eight bytes with a sign, the lowest first.
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// Takes the name of an object.
    pub fn id(&mut self) -> Option<ObjectId> {
        self.array().map(ObjectId::from_bytes)
    }

    /// Returns whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a number in the shortest form of LEB128, of at most 32 bits.
    pub(crate) fn varint(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in (0..32).step_by(7) {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            value |= bits.checked_mul(1 << shift)?;
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || shift == 0;
                return is_shortest.then_some(value);
            }
        }
        None
    }
}

/// Appends a number in the shortest form of LEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A place that checksums are made for; the context keeps one file's bytes from passing for another's.
#[derive(Debug)]
pub struct Context {
    text: &'static str,
    /// What has taken in the text already.
    begun: OnceLock<blake3::Hasher>,
}

impl Context {
    /// Returns the place of that name.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            begun: OnceLock::new(),
        }
    }

    /// Begins a checksum.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        let begin = || blake3::Hasher::new_derive_key(self.text);
        self.begun.get_or_init(begin).clone()
    }

    /// Returns the checksum of `parts`, one after the other.
    pub fn checksum(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    /// Returns the first 8 bytes of the checksum, for places where damage is feared and enemies are not.
    pub fn short(&self, parts: &[&[u8]]) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.checksum(parts);
        [a, b, c, d, e, f, g, h]
    }
}

/// Returns the first 32 bits of a name, by which sorted names are cut into groups.
pub(crate) fn lead(id: &ObjectId) -> u32 {
    let [a, b, c, d, ..] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Compares two names. Nearly always their first bytes tell, for they are hashes.
pub fn order(one: &ObjectId, other: &ObjectId) -> Ordering {
    let leads = lead(one).cmp(&lead(other));
    leads.then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_survives_its_shortest_form(value: u32) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut fields = Fields(&bytes);
            prop_assert_eq!(fields.varint(), Some(value));
            prop_assert!(fields.0.is_empty());
            for cut in 0..bytes.len() {
                prop_assert_eq!(Fields(&bytes[..cut]).varint(), None);
            }
        }

        #[test]
        fn names_are_compared_as_they_are(one: [u8; 32], other: [u8; 32], common in 0usize..=32) {
            let mut other = other;
            other[..common].copy_from_slice(&one[..common]);
            let (one, other) = (ObjectId::from_bytes(one), ObjectId::from_bytes(other));
            prop_assert_eq!(order(&one, &other), one.cmp(&other));
        }

        #[test]
        fn a_number_has_one_form(bytes: [u8; 6]) {
            let mut fields = Fields(&bytes);
            if let Some(value) = fields.varint() {
                let mut again = Vec::new();
                put_varint(&mut again, value);
                prop_assert_eq!(&again, &bytes[..6 - fields.0.len()]);
            }
        }
    }
}
