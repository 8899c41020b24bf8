//! Fixed-width integers and checksums, as every file of this room writes them.

use roar_object::ObjectId;

/// Takes fields off the front of a byte slice; every method returns `None` when too little is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
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
#[derive(Clone, Debug)]
pub(crate) struct Context(blake3::Hasher);

impl Context {
    pub(crate) fn new(context: &'static str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    /// Begins a checksum.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        self.0.clone()
    }

    /// Returns the first 8 bytes of the checksum of `parts`, for places where damage is feared and
    /// enemies are not.
    pub(crate) fn short(&self, parts: &[&[u8]]) -> [u8; 8] {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.update(part);
        }
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

/// Declares a function that returns the [`Context`] of that name, made once.
macro_rules! context {
    ($name:ident, $text:literal) => {
        fn $name() -> &'static crate::bytes::Context {
            static CONTEXT: std::sync::OnceLock<crate::bytes::Context> = std::sync::OnceLock::new();
            CONTEXT.get_or_init(|| crate::bytes::Context::new($text))
        }
    };
}
pub(crate) use context;

/// Returns the first 32 bits of a name, by which sorted names are cut into groups.
pub(crate) fn lead(id: &ObjectId) -> u32 {
    let [a, b, c, d, ..] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
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
