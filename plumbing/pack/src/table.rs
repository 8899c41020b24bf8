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

/// Goes through the numbers of a fan-out, of names that come sorted.
pub(crate) fn fan_out<'a>(
    count: usize,
    ids: impl Iterator<Item = &'a ObjectId>,
) -> impl Iterator<Item = u32> {
    let bits = fan_bits(count);
    let mut numbers = vec![0u32; 1 << bits];
    for id in ids {
        numbers[(lead(id) >> (32 - bits)) as usize] += 1;
    }
    numbers.into_iter().scan(0, |sum, number| {
        *sum += number;
        Some(*sum)
    })
}

/// The bytes of an index: mapped, or in memory where that cannot be had.
#[derive(Debug)]
pub(crate) enum Bytes {
    Mapped(Mapped),
    Owned(Vec<u8>),
}

impl Bytes {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        match Mapped::open(&file) {
            Ok(mapped) => Ok(Self::Mapped(mapped)),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(Self::Owned(Vec::new())),
            // Too many maps, or a file system that has none.
            Err(_) => std::fs::read(path).map(Self::Owned),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Mapped(mapped) => mapped.len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }

    pub(crate) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        match self {
            Self::Mapped(mapped) => mapped.array(offset),
            Self::Owned(bytes) => bytes.get(offset..)?.first_chunk().copied(),
        }
    }

    pub(crate) fn u32(&self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, offset: usize) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Returns an error if pages were missing, so that what was read cannot be relied on.
    pub(crate) fn check_whole(&self) -> Result<(), PackError> {
        match self {
            Self::Mapped(mapped) if !mapped.is_whole() => Err(damaged("its file was cut short")),
            _ => Ok(()),
        }
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
