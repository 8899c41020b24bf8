//! One index over several packs, `.rmx`: which pack has an object, without opening them all.

use crate::bytes::{Context, Fields};
use crate::copy::with_nothing;
use crate::error::PackError;
use crate::file::PackFile;
use crate::index_writer::Summed;
use crate::layout::VERSION;
use crate::name::PackName;
use crate::table::{Bytes, Groups, Table, damaged, fan_bits};
use crate::union::{Met, Union};
use roar_object::{ObjectId, Prefix};
use std::io::Write;
use std::path::Path;

static CHECKSUMS: Context = Context::new("roar 2026 multi pack index v1");
static HEAD_CHECKS: Context = Context::new("roar 2026 multi pack index head v1");

const MAGIC: [u8; 8] = *b"ROARMX1\n";
const HEAD: usize = 32;
const PACK: usize = 48;
const PLACE: usize = 8;
const CHECKSUM: usize = 32;

/// Packs that one index can be over.
pub const MAX_PACKS: usize = 1 << 16;

/// A pack that a [`MultiIndex`] covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// What it is called.
    pub name: PackName,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many objects it has.
    pub objects: u32,
}

/// Where a [`MultiIndex`] has an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The object.
    pub id: ObjectId,
    /// In which of the packs, by its place in [`MultiIndex::packs`].
    pub pack: usize,
    /// Its rank among the sorted names of the pack.
    pub rank: u32,
}

/// An index over several packs, as it lies in its file.
#[derive(Debug)]
pub struct MultiIndex {
    table: Table,
    packs: Vec<Covered>,
}

impl MultiIndex {
    /// Writes an index over `packs`. Of objects that are in several, the first pack counts.
    ///
    /// Memory: 256 KiB, whatever the number of objects, which are gone through three times.
    ///
    /// # Errors
    ///
    /// When an index of a pack is damaged, there are more than 2^32 - 1 objects or [`MAX_PACKS`] packs,
    /// or `out` does not take the bytes.
    pub fn write(packs: &[&PackFile], out: impl Write) -> Result<(), PackError> {
        if packs.len() > MAX_PACKS {
            let why = "it is over more packs than it may";
            return Err(PackError::Unfit { why });
        }
        let groups = count(packs)?;
        let limit = u32::MAX;
        let count = u32::try_from(groups.count()).map_err(|_| PackError::TooMany { limit })?;
        let mut out = Summed::new(out, CHECKSUMS.hasher());
        let mut put = |bytes: &[u8]| out.put(bytes).map_err(PackError::Write);
        put(&head(packs, count))?;
        for number in groups.fan_out(count) {
            put(&number.to_le_bytes())?;
        }
        merge(packs, &mut |found| put(found.id.as_bytes()))?;
        merge(packs, &mut |found| {
            put(&(found.pack as u32).to_le_bytes())?;
            put(&found.rank.to_le_bytes())
        })?;
        out.finish().map_err(PackError::Write)
    }

    /// Maps an index. Only its head is read.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is none.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        Bytes::open(path)
            .map_err(PackError::Read)
            .and_then(Self::new)
            .map_err(PackError::at(path))
    }

    /// Takes bytes for an index.
    ///
    /// # Errors
    ///
    /// When they are none.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PackError> {
        Self::new(Bytes::Owned(bytes))
    }

    fn new(bytes: Bytes) -> Result<Self, PackError> {
        const WHAT: &str = "multi-pack index";
        let head: [u8; HEAD] = bytes.array(0).ok_or(PackError::NotOne { what: WHAT })?;
        let mut fields = Fields(&head);
        if fields.array() != Some(MAGIC) {
            return Err(PackError::NotOne { what: WHAT });
        }
        if let Some(found) = fields.u16().filter(|version| *version != VERSION) {
            return Err(PackError::Version { what: WHAT, found });
        }
        Self::with_head(bytes, &head, fields).ok_or(damaged("its head is not right"))
    }

    fn with_head(bytes: Bytes, head: &[u8; HEAD], mut fields: Fields<'_>) -> Option<Self> {
        let (bits, count, packs) = (fields.u16()?, fields.u32()?, fields.u32()? as usize);
        let reserved = fields.u32()?;
        let fits = u32::from(bits) == fan_bits(count as usize)
            && reserved == 0
            && packs <= MAX_PACKS
            && bytes.len() == size(count as usize, packs);
        if !fits {
            return None;
        }
        let list: Vec<[u8; PACK]> = (0..packs)
            .map(|pack| bytes.array(HEAD + PACK * pack))
            .collect::<Option<_>>()?;
        if fields.array() != Some(HEAD_CHECKS.short(&[&head[..24], list.as_flattened()])) {
            return None;
        }
        let packs: Vec<_> = list.iter().map(Covered::parse).collect::<Option<_>>()?;
        let fan = HEAD + PACK * packs.len();
        let table = Table::new(bytes, fan, fan + (4 << bits), count);
        Some(Self { table, packs })
    }

    /// Returns the packs that this is over.
    pub fn packs(&self) -> &[Covered] {
        &self.packs
    }

    /// Returns how many objects there are.
    pub const fn len(&self) -> u32 {
        self.table.count()
    }

    /// Returns whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns where an object is.
    ///
    /// # Errors
    ///
    /// When the index is damaged.
    pub fn find(&self, id: ObjectId) -> Result<Option<Found>, PackError> {
        let rank = self.table.find(id)?;
        rank.map(|rank| self.found(id, rank)).transpose()
    }

    /// Returns where the objects are whose names begin like this, sorted by name.
    ///
    /// # Errors
    ///
    /// When the index is damaged.
    pub fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Found>, PackError> {
        let ranks = self.table.with_prefix(prefix)?;
        let id = |rank| self.table.id(rank).ok_or(damaged("it ends too early"));
        ranks.map(|rank| self.found(id(rank)?, rank)).collect()
    }

    /// Goes through all objects, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = Result<Found, PackError>> {
        (0..self.len()).map(|rank| {
            let id = self.table.id(rank).ok_or(damaged("it ends too early"))?;
            self.found(id, rank)
        })
    }

    fn found(&self, id: ObjectId, at: u32) -> Result<Found, PackError> {
        let bytes = &self.table.bytes;
        let place = places(self.len() as usize, self.packs.len()) + PLACE * at as usize;
        let (pack, rank) = (bytes.u32(place), bytes.u32(place + 4));
        bytes.check_whole()?;
        let found = pack.zip(rank).map(|(pack, rank)| Found {
            id,
            pack: pack as usize,
            rank,
        });
        found
            .filter(|found| {
                let pack = self.packs.get(found.pack);
                pack.is_some_and(|pack| found.rank < pack.objects)
            })
            .ok_or(damaged("it leads to an object that no pack has"))
    }

    /// Checks every byte of the index, by making it anew from the packs that it is over, in the order of
    /// [`MultiIndex::packs`].
    ///
    /// # Errors
    ///
    /// When it is not the index of these packs, or one of theirs is damaged.
    pub fn verify(&self, packs: &[&PackFile]) -> Result<(), PackError> {
        let mut compare = crate::index::Compare::new(&self.table.bytes);
        match Self::write(packs, &mut compare) {
            Ok(()) if compare.is_at_end() => Ok(()),
            Ok(()) | Err(PackError::Write(_)) => Err(PackError::Unfit {
                why: "it has other bytes than an index of these packs has",
            }),
            Err(err) => Err(err),
        }
    }
}

impl PackFile {
    /// Returns the object that a [`MultiIndex`] found in this pack.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`], and when the index of the pack has another object there.
    pub fn entry_found(&self, found: &Found) -> Result<crate::Entry, PackError> {
        let entry = self.entry(found.rank)?;
        if entry.id == found.id {
            return Ok(entry);
        }
        let why = "the multi-pack index has another object there";
        Err(PackError::at(self.path())(PackError::Unfit { why }))
    }
}

/// Returns where the places begin.
const fn places(count: usize, packs: usize) -> usize {
    HEAD + PACK * packs + crate::table::size(count)
}

const fn size(count: usize, packs: usize) -> usize {
    places(count, packs) + PLACE * count + CHECKSUM
}

impl Covered {
    fn of(pack: &PackFile) -> Self {
        Self {
            name: pack.name(),
            bytes: pack.bytes(),
            objects: pack.len(),
        }
    }

    fn to_bytes(self) -> [u8; PACK] {
        let mut bytes = [0; PACK];
        bytes[..32].copy_from_slice(self.name.as_bytes());
        bytes[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.objects.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; PACK]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let covered = Self {
            name: PackName::from_bytes(fields.array()?),
            bytes: fields.u64()?,
            objects: fields.u32()?,
        };
        (fields.u32()? == 0).then_some(covered)
    }
}

fn head(packs: &[&PackFile], count: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD + PACK * packs.len());
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&(fan_bits(count as usize) as u16).to_le_bytes());
    head.extend_from_slice(&count.to_le_bytes());
    head.extend_from_slice(&(packs.len() as u32).to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    let list: Vec<_> = packs
        .iter()
        .map(|pack| Covered::of(pack).to_bytes())
        .collect();
    let check = HEAD_CHECKS.short(&[&head, list.as_flattened()]);
    head.extend_from_slice(&check);
    head.extend_from_slice(list.as_flattened());
    head
}

/// Returns how many names there are of each beginning of 16 bits.
fn count(packs: &[&PackFile]) -> Result<Groups, PackError> {
    let mut groups = Groups::none();
    merge(packs, &mut |found| {
        groups.add(&found.id);
        Ok(())
    })?;
    Ok(groups)
}

/// Goes through the objects of all packs, sorted by name, each once.
fn merge(
    packs: &[&PackFile],
    visit: &mut dyn FnMut(Found) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let names = packs.iter().map(|pack| pack.ids().map(with_nothing));
    for met in Union::new(names.collect())? {
        let Met {
            id,
            list: pack,
            rank,
            is_first,
            ..
        } = met?;
        if is_first {
            visit(Found { id, pack, rank })?;
        }
    }
    Ok(())
}
