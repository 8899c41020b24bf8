//! Lists of the objects in closed segments, so that opening does not go through them.

use crate::envelope::Envelope;
use crate::file::{self, FileError, FileResult, Sync};
use roar_object::{Kind, ObjectId};
use roar_pack::bytes::Fields;
use std::path::{Path, PathBuf};

static ENVELOPE: Envelope = Envelope::new(b"roaridx\n", "roar 2026 segment index v1");
const HEADER: usize = 24;
const ENTRY: usize = 45;

/// How far from its guess a search looks first.
const NEAR: usize = 16;

/// An object and where its body is in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

impl Listed {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self {
            id: fields.id()?,
            kind: Kind::from_code(fields.u8()?)?,
            offset: fields.u64()?,
            len: fields.u32()?,
        })
    }
}

/// The list of one closed segment, as it lies in its file.
#[derive(Clone, Debug)]
pub(crate) struct SegmentIndex {
    pub(crate) segment: u32,
    bytes: Vec<u8>,
}

/// Returns the file of a segment's list.
pub(crate) fn path(journal: &Path, number: u32) -> PathBuf {
    journal.join(format!("{number:08}.rx"))
}

impl SegmentIndex {
    /// Writes the list of a segment of `len` bytes down.
    pub(crate) fn encode(segment: u32, len: u64, mut objects: Vec<Listed>) -> Vec<u8> {
        objects.sort_by_key(|object| object.id);
        objects.dedup_by_key(|object| object.id);
        let mut bytes = ENVELOPE.begin();
        bytes.reserve(HEADER + ENTRY * objects.len() + 32);
        bytes.extend_from_slice(&segment.to_le_bytes());
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&(objects.len() as u32).to_le_bytes());
        for object in &objects {
            bytes.extend_from_slice(object.id.as_bytes());
            bytes.push(object.kind.code());
            bytes.extend_from_slice(&object.offset.to_le_bytes());
            bytes.extend_from_slice(&object.len.to_le_bytes());
        }
        ENVELOPE.close(bytes)
    }

    /// Takes bytes for the list of a segment of `len` bytes, if they are that.
    pub(crate) fn decode(segment: u32, len: u64, mut bytes: Vec<u8>) -> Option<Self> {
        let mut fields = ENVELOPE.open(&bytes)?;
        let fits = fields.u32()? == segment && fields.u64()? == len;
        let count = fields.u32()? as usize;
        let right = fits
            && fields.0.len() == count.checked_mul(ENTRY)?
            && fields
                .0
                .chunks_exact(ENTRY)
                .all(|entry| Listed::parse(entry).is_some());
        bytes.truncate(bytes.len() - 32);
        right.then_some(Self { segment, bytes })
    }

    /// Reads the list of a segment of `len` bytes, if there is one that fits.
    pub(crate) fn read(journal: &Path, segment: u32, len: u64) -> FileResult<Option<Self>> {
        let bytes = file::read_if_there(&path(journal, segment))?;
        Ok(bytes.and_then(|bytes| Self::decode(segment, len, bytes)))
    }

    /// Reads the list of a segment, of whatever length that was when it was made.
    pub(crate) fn read_any(journal: &Path, segment: u32) -> FileResult<Option<Self>> {
        let bytes = file::read_if_there(&path(journal, segment))?;
        let len = |bytes: &Vec<u8>| Fields(bytes.get(12..20)?).u64();
        Ok(bytes.and_then(|bytes| Self::decode(segment, len(&bytes)?, bytes)))
    }

    /// Returns whether a segment of `len` bytes was longer when its list was made. Only the first bytes
    /// of a list that fits are read.
    pub(crate) fn was_longer(journal: &Path, segment: u32, len: u64) -> FileResult<bool> {
        let path = path(journal, segment);
        let read = || -> std::io::Result<Option<u64>> {
            let Some(file) = file::open_if_file(&path)? else {
                return Ok(None);
            };
            let front = file::read_exactly(&file, 12, 8)?;
            Ok(front.and_then(|bytes| Fields(&bytes).u64()))
        };
        match read().map_err(FileError::at("read", &path))? {
            Some(before) if before > len => Ok(Self::read(journal, segment, before)?.is_some()),
            _ => Ok(false),
        }
    }

    /// Puts a list beside its segment.
    pub(crate) fn write(journal: &Path, segment: u32, bytes: &[u8]) -> FileResult<()> {
        file::replace(&path(journal, segment), bytes, Sync::No)
    }

    /// Returns how many objects there are.
    pub(crate) fn len(&self) -> usize {
        (self.bytes.len() - HEADER) / ENTRY
    }

    /// Returns the objects, ascending by id.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Listed> {
        self.bytes[HEADER..]
            .chunks_exact(ENTRY)
            .filter_map(Listed::parse)
    }

    /// Looks an object up.
    pub(crate) fn find(&self, id: ObjectId) -> Option<Listed> {
        let at = self.first_from(id.as_bytes());
        self.at(at).filter(|object| object.id == id)
    }

    /// Returns the objects from the first whose id is not below `lowest`.
    pub(crate) fn from(&self, lowest: &[u8; 32]) -> impl Iterator<Item = Listed> {
        let first = HEADER + ENTRY * self.first_from(lowest);
        self.bytes[first..]
            .chunks_exact(ENTRY)
            .filter_map(Listed::parse)
    }

    fn at(&self, at: usize) -> Option<Listed> {
        let start = HEADER + ENTRY * at;
        Listed::parse(self.bytes.get(start..start + ENTRY)?)
    }

    /// Returns the place of the first object whose id is not below `lowest`.
    ///
    /// Ids are hashes, so where one lies in the order is nearly where its value lies among all values:
    /// the search begins there and widens until it has the place between two bounds.
    fn first_from(&self, lowest: &[u8; 32]) -> usize {
        let guess = self.guess(lowest);
        let (mut low, mut high, mut step) = (guess, guess, NEAR);
        while low > 0 && !self.is_below(low - 1, lowest) {
            low = low.saturating_sub(step);
            step *= 4;
        }
        while high < self.len() && self.is_below(high, lowest) {
            high = (high + step).min(self.len());
            step *= 4;
        }
        self.between(low, high, lowest)
    }

    /// Returns where an id would be if ids were spread quite evenly.
    fn guess(&self, id: &[u8; 32]) -> usize {
        let [a, b, c, d, ..] = *id;
        let share = u64::from(u32::from_be_bytes([a, b, c, d]));
        ((share * self.len() as u64) >> 32) as usize
    }

    fn between(&self, mut low: usize, mut high: usize, lowest: &[u8; 32]) -> usize {
        while low < high {
            let middle = low + (high - low) / 2;
            if self.is_below(middle, lowest) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn is_below(&self, at: usize, lowest: &[u8; 32]) -> bool {
        let start = HEADER + ENTRY * at;
        self.bytes[start..start + 32] < lowest[..]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn listed(first: u8) -> Listed {
        let mut id = [0; 32];
        id[0] = first;
        let (kind, len) = (Kind::Job, u32::from(first) + 1);
        Listed {
            id: ObjectId::from_bytes(id),
            kind,
            offset: 9,
            len,
        }
    }

    #[test]
    fn lists_never_change() {
        let bytes = SegmentIndex::encode(3, 1000, vec![listed(2), listed(1)]);
        let mut expected = b"roaridx\n\x03\0\0\0\xe8\x03\0\0\0\0\0\0\x02\0\0\0".to_vec();
        for first in [1, 2] {
            expected.extend_from_slice(listed(first).id.as_bytes());
            expected.extend_from_slice(&[3, 9, 0, 0, 0, 0, 0, 0, 0, first + 1, 0, 0, 0]);
        }
        assert_eq!(bytes[..bytes.len() - 32], expected);
    }

    #[test]
    fn a_list_finds_what_is_in_it() {
        let bytes = SegmentIndex::encode(3, 1000, (10..200).rev().map(listed).collect());
        let list = SegmentIndex::decode(3, 1000, bytes).unwrap();
        for first in 0..=255 {
            let expected = (10..200).contains(&first).then(|| listed(first));
            assert_eq!(list.find(listed(first).id), expected);
        }
        assert_eq!(list.from(listed(190).id.as_bytes()).count(), 10);
        assert_eq!(list.len(), 190);
    }

    #[test]
    fn hashed_names_are_found_too() {
        let named = |number: u32| {
            let id = ObjectId::of(Kind::Job, &number.to_le_bytes());
            Listed {
                id,
                kind: Kind::Job,
                offset: u64::from(number),
                len: 1,
            }
        };
        for count in [0, 1, 2, 1000] {
            let bytes = SegmentIndex::encode(1, 9, (0..count).map(named).collect());
            let list = SegmentIndex::decode(1, 9, bytes).unwrap();
            for number in 0..count + 50 {
                let expected = (number < count).then(|| named(number));
                assert_eq!(list.find(named(number).id), expected);
            }
            assert_eq!(list.from(&[0; 32]).count(), count as usize);
            assert_eq!(list.from(&[0xff; 32]).count(), 0);
        }
    }

    #[test]
    fn another_segments_list_is_refused() {
        let bytes = SegmentIndex::encode(3, 1000, vec![listed(1)]);
        assert!(SegmentIndex::decode(4, 1000, bytes.clone()).is_none());
        assert!(SegmentIndex::decode(3, 1001, bytes.clone()).is_none());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                SegmentIndex::decode(3, 1000, changed).is_none(),
                "byte {at}"
            );
            assert!(SegmentIndex::decode(3, 1000, bytes[..at].to_vec()).is_none());
        }
    }
}
