//! Whole files that are written once and then only read, such as the index of a pack.

use crate::mapping::Mapping;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;

/// A file that nobody writes to any more, mapped for reading: opening costs the same at any size.
///
/// If it is written to or cut short all the same, reading it gives other bytes or zeroes and nothing
/// worse: words are loaded as atomics, and a missing page is answered as for every map of this room.
#[derive(Debug)]
pub struct Mapped {
    map: Mapping,
    len: usize,
}

impl Mapped {
    /// Maps a file as long as it is now.
    ///
    /// # Errors
    ///
    /// Those of `fstat` and `mmap`; `UnexpectedEof` when the file is empty, and `ResourceBusy` when this
    /// process has too many maps already, in which case the file can be read instead.
    pub fn open(file: &File) -> io::Result<Self> {
        let len =
            usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Pages are whole words, so the last word is in the map even where the file ends in it.
        let map = Mapping::for_reading(file, len.next_multiple_of(size_of::<u64>()))?;
        Ok(Self { map, len })
    }

    /// Returns how many bytes the file had.
    #[expect(clippy::len_without_is_empty, reason = "an empty file is not mapped")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Copies `N` bytes from `offset`, or returns nothing if the file ends before.
    pub fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let end = offset.checked_add(N)?;
        if end > self.len {
            return None;
        }
        let words = self.map.words();
        let mut bytes = [0; N];
        let (mut at, mut rest) = (offset, &mut bytes[..]);
        while !rest.is_empty() {
            let word = words[at / 8].load(Ordering::Relaxed).to_ne_bytes();
            let from = at % 8;
            let len = rest.len().min(8 - from);
            let (now, later) = rest.split_at_mut(len);
            now.copy_from_slice(&word[from..from + len]);
            (at, rest) = (at + len, later);
        }
        Some(bytes)
    }

    /// Returns whether every page that was asked for was there.
    pub fn is_whole(&self) -> bool {
        !self.map.has_faulted()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn every_place_of_a_mapped_file_can_be_read() {
        let bytes: Vec<u8> = (0..=250).collect();
        let mapped = Mapped::open(&file_of(&bytes)).unwrap();
        assert_eq!(mapped.len(), 251);
        for at in 0..260 {
            let found = mapped.array::<13>(at);
            assert_eq!(found.as_ref().map(|it| &it[..]), bytes.get(at..at + 13));
        }
        assert_eq!(mapped.array::<1>(usize::MAX), None);
        assert!(mapped.is_whole());
    }

    #[test]
    fn a_mapped_file_that_is_cut_short_reads_as_zeroes_and_says_so() {
        let file = file_of(&[7; 20_000]);
        let mapped = Mapped::open(&file).unwrap();
        file.set_len(100).unwrap();
        assert_eq!(mapped.array(19_000), Some([0; 4]));
        assert!(!mapped.is_whole());
    }

    #[test]
    fn an_empty_file_is_not_mapped() {
        let err = Mapped::open(&file_of(b"")).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
    }
}
