//! Values made of fuzz bytes, so that a fuzzer that changes bytes changes values.

use roar_object::{ByteStr, ContentId, ObjectId};

/// Takes values off the front of fuzz bytes; when none are left, all further bytes are zero.
pub(crate) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.slice(N);
        let mut array = [0; N];
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Returns a number below `end`, which is at most 256.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Returns a number that is small, or at one of the ends, or anything.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::MAX,
            0xfe => i64::MAX as u64,
            0xfd => u64::from_le_bytes(self.array()),
            small => u64::from(small),
        }
    }

    /// Returns at most `most` of the bytes.
    pub(crate) fn slice(&mut self, most: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// Returns bytes with their length before them.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte());
        self.slice(len)
    }

    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub(crate) fn byte_str(&mut self) -> ByteStr {
        self.bytes().into()
    }

    /// Returns one of few names, so that the same comes again.
    pub(crate) fn content(&mut self) -> ContentId {
        ContentId::of(&[self.byte() % 6])
    }

    pub(crate) fn object(&mut self) -> ObjectId {
        ObjectId::from_bytes([self.byte(); 32])
    }
}
