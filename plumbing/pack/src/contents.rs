//! What a pack holds: found out while it is written or read, and what its index is made of.

use crate::blocks::{Offsets, Written};
use crate::bytes::lead;
use crate::index_writer::IndexWriter;
use crate::place::{Entry, Place};
use crate::table::Groups;
use crate::{PackError, PackName, index};
use roar_object::ObjectId;
use std::io::{self, Write};

/// What a pack holds: every object with its place, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pack: Written,
    entries: Vec<Entry>,
}

impl Contents {
    /// Returns what the pack is called.
    pub const fn name(&self) -> PackName {
        self.pack.name
    }

    /// Returns how many objects there are.
    pub fn objects(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns how many bytes all bodies have together.
    pub const fn raw(&self) -> u64 {
        self.pack.raw
    }

    /// Returns how long the pack is, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.pack.bytes
    }

    /// Returns the objects with their places, sorted by name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes the index of the pack.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_index(&self, out: impl Write) -> io::Result<()> {
        match self.write(out) {
            Err(PackError::Write(err)) => Err(err),
            written => written.map_err(io::Error::other),
        }
    }

    fn write(&self, out: impl Write) -> Result<(), PackError> {
        let mut groups = Groups::none();
        self.entries.iter().for_each(|entry| groups.add(&entry.id));
        let mut index = IndexWriter::begin(out, &self.pack, &groups)?;
        for Entry { id, .. } in &self.entries {
            index.id(id)?;
        }
        for Entry { place, .. } in &self.entries {
            index.place(*place)?;
        }
        index.finish()
    }

    /// Returns the index of the pack.
    pub fn to_index(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(index::size(self.entries.len(), self.pack.offsets.0.len()));
        self.write_index(&mut bytes)
            .expect("memory takes every byte");
        bytes
    }
}

/// The contents of a pack that is being written or read.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    raw: u64,
    offsets: Offsets,
    entries: Vec<Entry>,
    seen: Seen,
}

impl Gathering {
    /// Takes note that a block begins, and returns its number.
    pub(crate) fn begin_block(&mut self, offset: u64) -> Result<u32, PackError> {
        self.offsets.begin(offset)
    }

    pub(crate) fn has(&self, id: &ObjectId) -> bool {
        self.seen.find(id, &self.entries).is_ok()
    }

    /// Takes note of an object, and returns whether it is a new one.
    pub(crate) fn add(&mut self, id: ObjectId, place: Place) -> bool {
        self.seen.make_room(&self.entries);
        let Err(slot) = self.seen.find(&id, &self.entries) else {
            return false;
        };
        self.entries.push(Entry { id, place });
        // The caller keeps to fewer than 2^32 objects.
        self.seen.slots[slot] = self.entries.len() as u32;
        self.raw += u64::from(place.len());
        true
    }

    pub(crate) fn objects(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) const fn blocks(&self) -> u64 {
        self.offsets.count()
    }

    pub(crate) const fn raw(&self) -> u64 {
        self.raw
    }

    /// Takes note of where all blocks begin.
    pub(crate) fn with_blocks(self, offsets: Offsets) -> Self {
        Self { offsets, ..self }
    }

    pub(crate) fn finish(mut self, name: PackName, bytes: u64) -> Contents {
        drop(self.seen);
        self.entries.sort_unstable_by_key(|entry| entry.id);
        let pack = Written {
            name,
            bytes,
            objects: self.entries.len() as u64,
            raw: self.raw,
            offsets: self.offsets,
        };
        Contents {
            pack,
            entries: self.entries,
        }
    }
}

/// The set of names in a list of entries, as places in the list: 4 to 11 bytes for each, where a set of
/// the names themselves would take 34 to 70.
#[derive(Debug, Default)]
struct Seen {
    /// Empty, or a power of two; 0 is a free slot, and any other number one more than a place.
    slots: Vec<u32>,
}

impl Seen {
    /// Returns the slot of a name, or the free one that it would take.
    fn find(&self, id: &ObjectId, entries: &[Entry]) -> Result<usize, usize> {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return Err(0);
        };
        // Names are hashes. Whoever makes some that begin alike has to find them by trying.
        let mut slot = lead(id) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                place if entries[place as usize - 1].id == *id => return Ok(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Sees to it that at most three quarters are taken once one more is.
    fn make_room(&mut self, entries: &[Entry]) {
        if 4 * (entries.len() + 1) <= 3 * self.slots.len() {
            return;
        }
        self.slots = vec![0; (2 * self.slots.len()).max(64)];
        for (place, entry) in entries.iter().enumerate() {
            if let Err(slot) = self.find(&entry.id, entries) {
                self.slots[slot] = place as u32 + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roar_object::Kind;
    use std::collections::HashSet;

    #[test]
    fn a_name_is_new_once() {
        let mut gathering = Gathering::default();
        let mut names = HashSet::new();
        for number in 0..2000u32 {
            let id = ObjectId::of(Kind::Job, &(number % 700).to_le_bytes());
            let place = Place::new(0, number, Kind::Job, 4);
            assert_eq!(gathering.has(&id), names.contains(&id));
            assert_eq!(gathering.add(id, place), names.insert(id));
        }
        let contents = gathering.finish(PackName::from_bytes([0; 32]), 9);
        assert_eq!((contents.objects(), contents.raw()), (700, 2800));
        assert!(contents.entries().is_sorted_by_key(|entry| entry.id));
    }
}
