//! The index of one pack, `.rix`: which object is where.

use crate::bytes::{Context, Fields};
use crate::contents::Contents;
use crate::error::PackError;
use crate::layout::{END_LEN, HEAD_LEN, HEADER, VERSION};
use crate::name::PackName;
use crate::place::{Entry, Place};
use crate::rows::Rows;
use crate::table::{self, Bytes, Table, damaged, fan_bits};
use roar_object::{MAX_BODY, ObjectId, Prefix};
use std::io::{self, Write};
use std::ops::Range;

pub(crate) static CHECKSUMS: Context = Context::new("roar 2026 pack index v1");
pub(crate) static HEAD_CHECKS: Context = Context::new("roar 2026 pack index head v1");

pub(crate) const MAGIC: [u8; 8] = *b"ROARIX1\n";
pub(crate) const HEAD: usize = 72;
const CHECKSUM: usize = 32;

/// How much is read at once where all of it is.
const CHUNK: usize = 1 << 18;

/// Longest block there can be, with its head.
const MAX_STORED: u64 = (HEAD_LEN + MAX_BODY + 5) as u64;

/// Returns how long the index of so many objects in so many blocks is, in bytes.
pub(crate) const fn size(objects: usize, blocks: usize) -> usize {
    HEAD + table::size(objects) + 8 * blocks + places_size(objects) + CHECKSUM
}

/// Returns where the offsets of blocks begin in the index of so many objects.
const fn first_block(objects: u32) -> usize {
    HEAD + (4 << fan_bits(objects as usize))
}

/// Places end at a whole word, so that the file does.
pub(crate) const fn places_size(objects: usize) -> usize {
    (Place::LEN * objects).next_multiple_of(8)
}

/// The index of a pack, as it lies in its file.
#[derive(Debug)]
pub(crate) struct Index {
    table: Table,
    name: PackName,
    pack_len: u64,
    blocks: u32,
}

impl Index {
    /// Takes bytes for an index after a look at the first 72 of them, and the length.
    pub(crate) fn new(bytes: Bytes) -> Result<Self, PackError> {
        let head: [u8; HEAD] = bytes.array(0).ok_or(PackError::NotOne { what: "index" })?;
        let mut fields = Fields(&head);
        if fields.array() != Some(MAGIC) {
            return Err(PackError::NotOne { what: "index" });
        }
        if let Some(found) = fields.u16().filter(|version| *version != VERSION) {
            return Err(PackError::Version {
                what: "index",
                found,
            });
        }
        if HEAD_CHECKS.short(&[&head[..HEAD - 8]]) != head[HEAD - 8..] {
            return Err(damaged("its head does not fit its checksum"));
        }
        Self::with_head(bytes, fields).ok_or(damaged("its head does not fit its length"))
    }

    /// Reads the head after the version; nothing if it does not fit the file.
    fn with_head(bytes: Bytes, mut fields: Fields<'_>) -> Option<Self> {
        let (bits, objects, blocks) = (fields.u16()?, fields.u32()?, fields.u32()?);
        let reserved = fields.u32()?;
        let (pack_len, name) = (fields.u64()?, PackName::from_bytes(fields.array()?));
        let fits = u32::from(bits) == fan_bits(objects as usize)
            && reserved == 0
            && bytes.len() == size(objects as usize, blocks as usize)
            && pack_len >= (HEADER.len() + END_LEN) as u64;
        let ids = first_block(objects) + 8 * blocks as usize;
        fits.then(|| Self {
            table: Table::new(bytes, HEAD, ids, objects),
            name,
            pack_len,
            blocks,
        })
    }

    pub(crate) const fn name(&self) -> PackName {
        self.name
    }

    pub(crate) const fn pack_len(&self) -> u64 {
        self.pack_len
    }

    pub(crate) const fn objects(&self) -> u32 {
        self.table.count()
    }

    pub(crate) const fn blocks(&self) -> u32 {
        self.blocks
    }

    pub(crate) fn id(&self, rank: u32) -> Option<ObjectId> {
        self.table.id(rank)
    }

    pub(crate) fn find(&self, id: ObjectId) -> Result<Option<u32>, PackError> {
        self.table.find(id)
    }

    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> Result<Range<u32>, PackError> {
        self.table.with_prefix(prefix)
    }

    /// Goes through all names.
    pub(crate) const fn ids(&self) -> Rows<'_, 32> {
        Rows::new(&self.table.bytes, self.table.ids(), self.objects())
    }

    /// Goes through the places of all objects, sorted by their names.
    pub(crate) fn places(&self) -> impl Iterator<Item = Result<Place, PackError>> {
        let rows = Rows::new(&self.table.bytes, self.first_place(), self.objects());
        rows.map(|row| self.checked(Place::parse(row?)))
    }

    /// Returns the object of that rank and where it is.
    pub(crate) fn entry(&self, rank: u32) -> Result<Entry, PackError> {
        let id = self
            .id(rank)
            .ok_or(damaged("it ends before its last object"))?;
        Ok(Entry {
            id,
            place: self.place(rank)?,
        })
    }

    /// Returns where the object of that rank is.
    pub(crate) fn place(&self, rank: u32) -> Result<Place, PackError> {
        let at = self.first_place() + Place::LEN * rank as usize;
        let place = self.table.bytes.array(at);
        self.table.bytes.check_whole()?;
        self.checked(place.and_then(Place::parse))
    }

    fn first_place(&self) -> usize {
        let objects = self.objects() as usize;
        size(objects, self.blocks as usize) - CHECKSUM - places_size(objects)
    }

    fn checked(&self, place: Option<Place>) -> Result<Place, PackError> {
        place
            .filter(|place| place.block() < self.blocks)
            .ok_or(damaged("it leads to a place that no object can be in"))
    }

    /// Returns where a block begins and ends in the pack.
    pub(crate) fn block(&self, block: u32) -> Result<Range<u64>, PackError> {
        let range = self.offset(block).zip(self.offset_after(block));
        self.table.bytes.check_whole()?;
        match range {
            Some((start, end)) if self.can_be_block(start, end) => Ok(start..end),
            _ => Err(damaged("it leads to a block that cannot be")),
        }
    }

    fn offset(&self, block: u32) -> Option<u64> {
        let at = first_block(self.objects()) + 8 * block as usize;
        self.table.bytes.u64(at).filter(|_| block < self.blocks)
    }

    fn offset_after(&self, block: u32) -> Option<u64> {
        match block.checked_add(1) {
            Some(next) if next < self.blocks => self.offset(next),
            _ => Some(self.pack_len - END_LEN as u64),
        }
    }

    fn can_be_block(&self, start: u64, end: u64) -> bool {
        start >= HEADER.len() as u64
            && end <= self.pack_len - END_LEN as u64
            && end
                .checked_sub(start)
                .is_some_and(|len| (HEAD_LEN as u64 + 1..=MAX_STORED).contains(&len))
    }

    /// Returns whether the index in `bytes` is, byte for byte, the one that `contents` would have.
    pub(crate) fn is_of(&self, contents: &Contents) -> bool {
        let mut compare = Compare::new(&self.table.bytes);
        contents.write_index(&mut compare).is_ok() && compare.is_at_end()
    }

    /// Returns whether the checksum at the end of the index is that of its bytes.
    pub(crate) fn is_sound(&self) -> bool {
        let bytes = &self.table.bytes;
        let end = bytes.len() - CHECKSUM;
        let mut hasher = CHECKSUMS.hasher();
        let mut room = vec![0; CHUNK.min(end)];
        for at in (0..end).step_by(CHUNK) {
            let chunk = &mut room[..CHUNK.min(end - at)];
            if bytes.read_at(at, chunk).is_err() {
                return false;
            }
            hasher.update(chunk);
        }
        let mut told = [0; CHECKSUM];
        bytes.read_at(end, &mut told).is_ok() && told == *hasher.finalize().as_bytes()
    }
}

/// Takes bytes only if they are those of an index.
pub(crate) struct Compare<'b> {
    bytes: &'b Bytes,
    at: usize,
}

impl<'b> Compare<'b> {
    pub(crate) const fn new(bytes: &'b Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns whether all of the index was compared.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len() && self.bytes.check_whole().is_ok()
    }
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (at, byte) in word.iter_mut().take(chunk.len()).enumerate() {
                let [found] = self
                    .bytes
                    .array(self.at + at)
                    .ok_or(io::ErrorKind::InvalidData)?;
                *byte = found;
            }
            if word[..chunk.len()] != *chunk {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.at += chunk.len();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
