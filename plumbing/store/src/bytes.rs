//! Fixed-width integers and checksums, as every file of the store writes them.

use roar_object::ObjectId;

/// Takes fields off the front of a byte slice; every method returns `None` when too little is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

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

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn id(&mut self) -> Option<ObjectId> {
        self.array().map(ObjectId::from_bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A place that checksums are made for; the context keeps one file's bytes from passing for another's.
#[derive(Clone, Debug)]
pub(crate) struct Context(blake3::Hasher);

impl Context {
    pub(crate) fn new(context: &'static str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    /// Returns the checksum of `parts`, one after the other.
    pub(crate) fn checksum(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = self.0.clone();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    /// Returns the first 8 bytes of the checksum, for places where damage is feared and enemies are not.
    pub(crate) fn short(&self, parts: &[&[u8]]) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.checksum(parts);
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
