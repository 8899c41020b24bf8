//! The cache's file, mapped: a header and an open-addressed table of slots.

use crate::FileVersion;
use crate::mapping::Mapping;
use crate::slot::{self, Slot};
use nix::fcntl::posix_fallocate;
use roar_object::ContentId;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: &[u8; 8] = b"roarhash";
const VERSION: u32 = 2;
const HEADER: usize = 64;
const HEADER_WORDS: usize = HEADER / 8;
/// The word of the header that counts slots in use.
const USED: usize = 3;
/// How many slots are looked at for one file.
const REACH: u64 = 64;

/// Slots in a new table.
pub(crate) const FEWEST: u64 = 1024;
/// Slots in the largest table, 1 GiB; fuller than that, files push each other out.
pub(crate) const MOST: u64 = 1 << 24;

/// A mapped table.
#[derive(Debug)]
pub(crate) struct Table {
    map: Mapping,
    slots: u64,
    writable: bool,
}

impl Table {
    /// Maps an existing table, if that is what `file` holds.
    pub(crate) fn open(file: &File, writable: bool) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let slots = read_header(&header)?;
        let len = file_len(slots);
        if file.metadata().ok()?.len() != len as u64 {
            return None;
        }
        let map = if writable {
            Mapping::for_writing(file, len)
        } else {
            Mapping::for_reading(file, len)
        };
        Some(Self {
            map: map.ok()?,
            slots,
            writable,
        })
    }

    /// Makes an empty file into a table. The room is reserved, so that a full disk is met here and
    /// not by whoever writes to the map.
    pub(crate) fn create(file: &File, slots: u64) -> io::Result<Self> {
        let len = file_len(slots);
        let room = i64::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        posix_fallocate(file, 0, room)?;
        file.write_all_at(&header(slots), 0)?;
        Ok(Self {
            map: Mapping::for_writing(file, len)?,
            slots,
            writable: true,
        })
    }

    pub(crate) const fn slots(&self) -> u64 {
        self.slots
    }

    pub(crate) const fn is_writable(&self) -> bool {
        self.writable
    }

    /// Returns whether the table should be replaced by a larger one. In a fuller one, some files would
    /// find no slot within reach, and push each other out for ever.
    pub(crate) fn is_crowded(&self) -> bool {
        let used = u64::from_le(self.map.words()[USED].load(Ordering::Relaxed));
        used > self.slots / 3 * 2
    }

    /// Fetches the places where the search for files begins: each waits for memory, so they had better
    /// wait together. (A prefetch for each in turn costs more: it waits for the place's page.)
    pub(crate) fn fetch(&self, versions: &[FileVersion]) {
        let words = versions.iter().map(|version| {
            let home = slot::home(version, self.slots);
            self.place(home)[0].load(Ordering::Relaxed)
        });
        std::hint::black_box(words.fold(0, |all, word| all ^ word));
    }

    pub(crate) fn get(&self, version: &FileVersion) -> Option<ContentId> {
        let home = slot::home(version, self.slots);
        for place in self.reach(home) {
            let slot = Slot::load(place);
            if let Some(id) = slot.answer(version) {
                return Some(id);
            }
            if slot.is_free() {
                break;
            }
        }
        None
    }

    /// Writes a slot where its file has one, or where there is room, or over whatever is at home.
    pub(crate) fn put(&self, version: &FileVersion, slot: &Slot) {
        debug_assert!(self.writable);
        let home = slot::home(version, self.slots);
        let mut spare = None;
        for place in self.reach(home) {
            let found = Slot::load(place);
            if found.is_free() {
                if spare.is_none() {
                    self.count_one();
                }
                spare = spare.or(Some(place));
                break;
            }
            if found.is_for(version) {
                spare = Some(place);
                break;
            }
            if spare.is_none() && !found.is_genuine() {
                spare = Some(place);
            }
        }
        slot.store(spare.unwrap_or_else(|| self.place(home)));
    }

    /// Copies every whole slot into a larger table.
    pub(crate) fn copy_into(&self, larger: &Self) {
        for number in 0..self.slots {
            let slot = Slot::load(self.place(number));
            if slot.is_genuine() {
                larger.put_copy(&slot);
            }
        }
    }

    fn put_copy(&self, slot: &Slot) {
        let free = self
            .reach(slot.home(self.slots))
            .find(|place| Slot::load(place).is_free());
        if let Some(place) = free {
            slot.store(place);
            self.count_one();
        }
    }

    fn count_one(&self) {
        let used = &self.map.words()[USED];
        // Not one step, so that counts can get lost: it is a rough count, and the only number in
        // the file whose byte order a processor's addition would have to know.
        let count = u64::from_le(used.load(Ordering::Relaxed)).wrapping_add(1);
        used.store(count.to_le(), Ordering::Relaxed);
    }

    fn reach(&self, home: u64) -> impl Iterator<Item = &[AtomicU64]> {
        (home..home + REACH.min(self.slots)).map(|number| self.place(number % self.slots))
    }

    fn place(&self, number: u64) -> &[AtomicU64] {
        let at = usize::try_from(number).expect("the table is in memory");
        let start = HEADER_WORDS + at * slot::WORDS;
        &self.map.words()[start..start + slot::WORDS]
    }
}

/// Returns how long a file with so many slots is; there are at most [`MOST`].
fn file_len(slots: u64) -> usize {
    HEADER + usize::try_from(slots).expect("far fewer than memory has bytes") * slot::BYTES
}

fn header(slots: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&(slot::BYTES as u32).to_le_bytes());
    header[16..24].copy_from_slice(&slots.to_le_bytes());
    header
}

/// Returns the number of slots that a header tells of, if it is one.
fn read_header(bytes: &[u8; HEADER]) -> Option<u64> {
    let slots = u64::from_le_bytes(*bytes[16..].first_chunk()?);
    let lawful = (1..=MOST).contains(&slots) && bytes[..24] == header(slots)[..24];
    lawful.then_some(slots)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn until_a_table_is_crowded_every_file_keeps_its_slot() {
        let table = Table::create(&tempfile::tempfile().unwrap(), 1 << 14).unwrap();
        let version = |ino| FileVersion {
            dev: 1,
            ino,
            size: ino,
            mtime_ns: 1,
            ctime_ns: 1,
            mode: 0o100_644,
        };
        let id = |ino: u64| ContentId::of(&ino.to_le_bytes());
        let mut files = 0;
        while !table.is_crowded() {
            table.put(&version(files), &Slot::new(&version(files), id(files)));
            files += 1;
        }
        assert_eq!(files, (1 << 14) / 3 * 2 + 1);
        for ino in 0..files {
            assert_eq!(table.get(&version(ino)), Some(id(ino)), "{ino}");
        }
    }

    #[test]
    fn the_header_never_changes() {
        let mut expected = [0; HEADER];
        expected[..24].copy_from_slice(b"roarhash\x02\0\0\0\x40\0\0\0\x00\x04\0\0\0\0\0\0");
        assert_eq!(header(1024), expected);
        assert_eq!(read_header(&expected), Some(1024));
    }

    #[test]
    fn what_is_no_header_is_no_table() {
        for at in [0, 7, 8, 12] {
            let mut bytes = header(1024);
            bytes[at] ^= 0x40;
            assert_eq!(read_header(&bytes), None, "byte {at}");
        }
        assert_eq!(read_header(&header(0)), None);
        assert_eq!(read_header(&header(u64::MAX)), None);
    }
}
