//! Where an object is in a pack.

use roar_object::{Kind, MAX_BODY, ObjectId};

/// Bits of [`Place::what`] that hold the length; the kind is above them.
const LEN_BITS: u32 = 25;

const _: () = assert!(MAX_BODY < 1 << LEN_BITS);

/// Where an object is in a pack, and what it is, in 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    block: u32,
    start: u32,
    what: u32,
}

impl Place {
    pub(crate) const LEN: usize = 12;

    /// Returns the place of `len` bytes from `start` in a block.
    pub(crate) fn new(block: u32, start: u32, kind: Kind, len: u32) -> Self {
        debug_assert!(len < 1 << LEN_BITS, "bodies are shorter");
        let what = u32::from(kind.code()) << LEN_BITS | len;
        Self { block, start, what }
    }

    /// Takes bytes for a place, if the kind is known.
    pub(crate) fn parse(bytes: [u8; Self::LEN]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        let what = u32::from_le_bytes([i, j, k, l]);
        kind_in(what)?;
        Some(Self {
            block: u32::from_le_bytes([a, b, c, d]),
            start: u32::from_le_bytes([e, f, g, h]),
            what,
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (out, number) in bytes
            .chunks_exact_mut(4)
            .zip([self.block, self.start, self.what])
        {
            out.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Returns which block, from 0.
    pub const fn block(self) -> u32 {
        self.block
    }

    /// Returns where in the unpacked block the body begins.
    pub(crate) const fn start(self) -> u32 {
        self.start
    }

    /// Returns what the object is.
    pub fn kind(self) -> Kind {
        kind_in(self.what).expect("a place is made with a kind")
    }

    /// Returns how long the body is, in bytes.
    pub const fn len(self) -> u32 {
        self.what & ((1 << LEN_BITS) - 1)
    }

    /// Returns whether the body has no bytes, which no valid one has.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

fn kind_in(what: u32) -> Option<Kind> {
    Kind::from_code((what >> LEN_BITS) as u8)
}

/// An object and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The object.
    pub id: ObjectId,
    /// Where it is.
    pub place: Place,
}

const _: () = assert!(size_of::<Entry>() == 44);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_survives_its_bytes(block: u32, start: u32, code in 1u8..=7, len in 0u32..=16 << 20) {
            let kind = Kind::from_code(code).expect("all of them are kinds");
            let place = Place::new(block, start, kind, len);
            prop_assert_eq!(Place::parse(place.to_bytes()), Some(place));
            prop_assert_eq!((place.kind(), place.len(), place.block(), place.start()), (kind, len, block, start));
        }

        #[test]
        fn bytes_are_one_place_or_none(bytes: [u8; 12]) {
            if let Some(place) = Place::parse(bytes) {
                prop_assert_eq!(place.to_bytes(), bytes);
            }
        }
    }
}
