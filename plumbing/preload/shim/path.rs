//! A path with its end, in a place of its own.

use core::mem::MaybeUninit;

use crate::ring::PATH;

/// A path with its end.
pub(crate) struct Path {
    /// Only what was written is looked at.
    pub(crate) bytes: [MaybeUninit<u8>; PATH],
    pub(crate) length: usize,
}

impl Path {
    pub(crate) const EMPTY: Self = Self {
        bytes: [MaybeUninit::uninit(); PATH],
        length: 0,
    };

    pub(crate) fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.length)? = MaybeUninit::new(byte);
        self.length += 1;
        Some(())
    }

    pub(crate) fn starts_with(&self, prefix: &[u8]) -> bool {
        let has = |(at, byte): (usize, &u8)| {
            // SAFETY: all below the length was written.
            at < self.length
                && self
                    .bytes
                    .get(at)
                    .is_some_and(|it| unsafe { it.assume_init() } == *byte)
        };
        prefix.iter().enumerate().all(has)
    }

    pub(crate) fn ends_with(&self, suffix: &[u8]) -> bool {
        let Some(start) = self.length.checked_sub(suffix.len()) else {
            return false;
        };
        let tail = self.bytes.iter().take(self.length).skip(start);
        // SAFETY: all below the length was written.
        tail.zip(suffix)
            .all(|(byte, it)| unsafe { byte.assume_init() } == *it)
    }

    /// Appends what ends with a zero, without that.
    ///
    /// # Safety
    ///
    /// It ends with a zero.
    pub(crate) unsafe fn append(&mut self, text: *const u8) -> Option<()> {
        let mut at = text;
        loop {
            // SAFETY: it is not behind the zero yet.
            let byte = unsafe { *at };
            if byte == 0 {
                return Some(());
            }
            self.push(byte)?;
            // SAFETY: as before.
            at = unsafe { at.add(1) };
        }
    }

    /// Returns the path for the C library.
    pub(crate) fn ended(&mut self) -> Option<*const u8> {
        self.push(0)?;
        self.length -= 1;
        Some(self.bytes.as_ptr().cast())
    }
}
