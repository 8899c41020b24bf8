//! Sorted names in a file, and how one is found among them without reading the file.
//!
//! A *fan-out* says for each beginning of 8 or 16 bits how many names begin so or lower; between two of
//! its numbers a binary search goes through some 76 names of five million. Nothing is believed: every
//! number that is read is held against the bounds before it is used, so a damaged table answers wrongly
//! or with an error, and never reads elsewhere.

use crate::bytes::lead;
use crate::error::PackError;
use roar_content::Mapped;
use roar_object::{ObjectId, Prefix};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// From this many names on the fan-out goes by 16 bits.
const MANY: usize = 1 << 16;

/// Returns how many bits the fan-out of so many names goes by.
pub(crate) const fn fan_bits(count: usize) -> u32 {
    if count < MANY { 8 } else { 16 }
}

/// Returns how many bytes the fan-out and the names take up, of so many names.
pub(crate) const fn size(count: usize) -> usize {
    (4 << fan_bits(count)) + 32 * count
}

/// How many names there are of each beginning of 16 bits.
#[derive(Debug)]
pub(crate) struct Groups(Vec<u32>);

impl Groups {
    pub(crate) fn none() -> Self {
        Self(vec![0; 1 << 16])
    }

    pub(crate) fn add(&mut self, id: &ObjectId) {
        let group = &mut self.0[(lead(id) >> 16) as usize];
        *group = group.saturating_add(1);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|number| u64::from(*number)).sum()
    }

    /// Goes through the numbers of the fan-out of `count` names.
    pub(crate) fn fan_out(&self, count: u32) -> impl Iterator<Item = u32> {
        let together = 1 << (16 - fan_bits(count as usize));
        self.0.chunks(together).scan(0, |sum, chunk| {
            *sum += chunk.iter().sum::<u32>();
            Some(*sum)
        })
    }
}

/// The bytes of an index: mapped, or in memory where that cannot be had.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// With the file, for what is gone through from front to back.
    Mapped(Mapped, File),
    Owned(Vec<u8>),
}

impl Bytes {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        match Mapped::open(&file) {
            Ok(mapped) => Ok(Self::Mapped(mapped, file)),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(Self::Owned(Vec::new())),
            // Too many maps, or a file system that has none.
            Err(_) => std::fs::read(path).map(Self::Owned),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Mapped(mapped, _) => mapped.len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }

    pub(crate) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        match self {
            Self::Mapped(mapped, _) => mapped.array(offset),
            Self::Owned(bytes) => bytes.get(offset..)?.first_chunk().copied(),
        }
    }

    pub(crate) fn u32(&self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, offset: usize) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Reads as many bytes as there is room for, and leaves the map alone.
    pub(crate) fn read_at(&self, offset: usize, room: &mut [u8]) -> Result<(), PackError> {
        match self {
            Self::Mapped(_, file) => file.read_exact_at(room, offset as u64).map_err(unread),
            Self::Owned(bytes) => {
                let end = offset.saturating_add(room.len());
                let found = bytes.get(offset..end);
                room.copy_from_slice(found.ok_or(CUT_SHORT)?);
                Ok(())
            }
        }
    }

    /// Returns an error if pages were missing, so that what was read cannot be relied on.
    pub(crate) fn check_whole(&self) -> Result<(), PackError> {
        match self {
            Self::Mapped(mapped, _) if !mapped.is_whole() => Err(CUT_SHORT),
            _ => Ok(()),
        }
    }
}

const CUT_SHORT: PackError = damaged("its file was cut short");

fn unread(err: io::Error) -> PackError {
    match err.kind() {
        io::ErrorKind::UnexpectedEof => CUT_SHORT,
        _ => PackError::Read(err),
    }
}

pub(crate) const fn damaged(why: &'static str) -> PackError {
    PackError::Index { why }
}

/// Names that lie sorted in a file, after their fan-out.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) bytes: Bytes,
    /// Where the fan-out begins.
    fan: usize,
    /// Where the names begin.
    ids: usize,
    count: u32,
}

impl Table {
    /// Takes part of a file for a table. The caller has checked that it is in the file.
    pub(crate) fn new(bytes: Bytes, fan: usize, ids: usize, count: u32) -> Self {
        Self {
            bytes,
            fan,
            ids,
            count,
        }
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Returns where the names begin.
    pub(crate) const fn ids(&self) -> usize {
        self.ids
    }

    /// Returns the name in that place.
    pub(crate) fn id(&self, rank: u32) -> Option<ObjectId> {
        if rank >= self.count {
            return None;
        }
        let at = self.ids + 32 * rank as usize;
        self.bytes.array(at).map(ObjectId::from_bytes)
    }

    /// Returns the place of a name.
    pub(crate) fn find(&self, id: ObjectId) -> Result<Option<u32>, PackError> {
        let rank = self.first_from(id)?;
        let found = self.id(rank) == Some(id);
        self.bytes.check_whole()?;
        Ok(found.then_some(rank))
    }

    /// Returns the places of the names that begin like this.
    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> Result<Range<u32>, PackError> {
        let first = self.first_from(ObjectId::from_bytes(*prefix.lowest()))?;
        let matches = |rank: &u32| {
            let id = self.id(*rank);
            id.is_some_and(|id| prefix.matches(id.as_bytes()))
        };
        let len = (first..self.count).take_while(matches).count() as u32;
        self.bytes.check_whole()?;
        Ok(first..first + len)
    }

    /// Returns the place of the first name that is not below `id`.
    fn first_from(&self, id: ObjectId) -> Result<u32, PackError> {
        let Range {
            start: mut low,
            end: mut high,
        } = self.group(id)?;
        while low < high {
            let middle = low + (high - low) / 2;
            // Places below the count are in the file.
            if self.id(middle).is_some_and(|found| found < id) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Returns the places of the names that begin with the same bits.
    fn group(&self, id: ObjectId) -> Result<Range<u32>, PackError> {
        let bits = fan_bits(self.count as usize);
        let group = (lead(&id) >> (32 - bits)) as usize;
        let number = |group: usize| self.bytes.u32(self.fan + 4 * group);
        let start = match group.checked_sub(1) {
            Some(before) => number(before),
            None => Some(0),
        };
        match (start, number(group)) {
            (Some(start), Some(end)) if start <= end && end <= self.count => Ok(start..end),
            _ => Err(damaged("its fan-out does not ascend")),
        }
    }
}
