//! One pack with its index, for looking objects up.

use crate::bytes::order;
use crate::cache::Cache;
use crate::codec::unpack;
use crate::contents::Contents;
use crate::error::{BlockError, PackError};
use crate::index::Index;
use crate::layout::{HEAD_LEN, Head};
use crate::limits::Limits;
use crate::name::PackName;
use crate::place::{Entry, Place};
use crate::read::{compare, read};
use crate::rows::Rows;
use crate::salvage::salvage;
use crate::table::{Bytes, damaged};
use roar_object::{FindError, Kind, Object, ObjectId, Objects, Prefix};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A pack that lies on the disk, and its index.
///
/// Opening costs the same at any size. Every object is hashed when it is read, so whatever is wrong
/// with pack or index leads to an error or to *not found*, never to other bytes.
#[derive(Debug)]
pub struct PackFile {
    path: PathBuf,
    file: File,
    /// Where in the file the pack begins, and where what may be read of the file ends.
    span: Range<u64>,
    index: Index,
    cache: Cache,
}

impl PackFile {
    /// Opens a pack and maps its index. Of the pack only the name at its end is read.
    ///
    /// # Errors
    ///
    /// When one of the two cannot be read, the index is none, or it is that of another pack.
    pub fn open(pack: &Path, index: &Path) -> Result<Self, PackError> {
        let bytes = Bytes::open(index)
            .map_err(PackError::Read)
            .map_err(PackError::at(index))?;
        Self::with(pack, bytes).map_err(PackError::at(index))
    }

    /// Opens a pack with an index that is in memory: where it cannot be stored.
    ///
    /// # Errors
    ///
    /// As [`PackFile::open`].
    pub fn with_index(pack: &Path, index: Vec<u8>) -> Result<Self, PackError> {
        Self::with(pack, Bytes::Owned(index)).map_err(PackError::at(pack))
    }

    /// Opens a pack that lies in another file, from byte `start` on, and was read there before. Should the
    /// file have changed since, objects are not found to be right.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn inside(path: &Path, start: u64, contents: &Contents) -> Result<Self, PackError> {
        let open = || -> Result<Self, PackError> {
            let index = Index::new(Bytes::Owned(contents.to_index()))?;
            Ok(Self {
                path: path.to_owned(),
                file: File::open(path)?,
                span: start..start.saturating_add(index.pack_len()),
                index,
                cache: Cache::default(),
            })
        };
        open().map_err(PackError::at(path))
    }

    /// Opens what is whole of a damaged pack, which was called `name`: all of it is read. Objects that
    /// are not right are not found, and [`PackFile::verify`] tells what is wrong.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn salvage(path: &Path, name: PackName) -> Result<Self, PackError> {
        let open = || -> Result<Self, PackError> {
            let file = File::open(path)?;
            let contents = salvage(&file, name)?;
            Ok(Self {
                path: path.to_owned(),
                index: Index::new(Bytes::Owned(contents.to_index()))?,
                file,
                span: 0..u64::MAX,
                cache: Cache::default(),
            })
        };
        open().map_err(PackError::at(path))
    }

    /// Returns what a pack held by what its index says, and what it was called, whatever has become of
    /// the pack.
    ///
    /// # Errors
    ///
    /// When the index cannot be read, or any byte of it is damaged.
    pub fn listed(index: &Path) -> Result<(PackName, Vec<Entry>), PackError> {
        let listed = || {
            let index = Index::new(Bytes::open(index)?)?;
            if !index.is_sound() {
                let why = "its bytes do not fit its checksum";
                return Err(PackError::Index { why });
            }
            let entries = (0..index.objects()).map(|rank| index.entry(rank));
            Ok((index.name(), entries.collect::<Result<_, _>>()?))
        };
        listed().map_err(PackError::at(index))
    }

    fn with(path: &Path, index: Bytes) -> Result<Self, PackError> {
        let index = Index::new(index)?;
        let file = File::open(path)
            .map_err(PackError::Read)
            .map_err(PackError::at(path))?;
        check_fit(&file, &index).map_err(PackError::at(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            span: 0..u64::MAX,
            index,
            cache: Cache::default(),
        })
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the pack is called.
    pub const fn name(&self) -> PackName {
        self.index.name()
    }

    /// Returns how many objects there are.
    pub const fn len(&self) -> u32 {
        self.index.objects()
    }

    /// Returns whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how long the pack is, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.index.pack_len()
    }

    /// Returns the object of that name, or nothing if it is not in the pack.
    ///
    /// # Errors
    ///
    /// When pack or index cannot be read, or are damaged where the object should be.
    pub fn find(&self, id: ObjectId) -> Result<Option<Object>, PackError> {
        let found = self.entry_of(id)?;
        found.map(|entry| self.object(&entry)).transpose()
    }

    /// Returns what an object is and how many bytes its body has, without reading the pack.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn describe(&self, id: ObjectId) -> Result<Option<(Kind, u32)>, PackError> {
        let found = self.entry_of(id)?;
        Ok(found.map(|Entry { place, .. }| (place.kind(), place.len())))
    }

    /// Returns whether an object is in the pack, by the index.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn has(&self, id: ObjectId) -> Result<bool, PackError> {
        Ok(self.rank(id)?.is_some())
    }

    fn entry_of(&self, id: ObjectId) -> Result<Option<Entry>, PackError> {
        let found = self.index.find(id).and_then(|rank| {
            let place = rank.map(|rank| self.index.place(rank)).transpose()?;
            Ok(place.map(|place| Entry { id, place }))
        });
        found.map_err(|err| self.about(err))
    }

    /// Returns the objects whose names begin like this, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Entry>, PackError> {
        let found = self.index.with_prefix(prefix);
        found
            .and_then(|ranks| ranks.map(|rank| self.index.entry(rank)).collect())
            .map_err(PackError::at(&self.path))
    }

    /// Returns the object of that rank among the sorted names, and where it is.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn entry(&self, rank: u32) -> Result<Entry, PackError> {
        self.index.entry(rank).map_err(|err| self.about(err))
    }

    /// Returns the rank of an object among the sorted names.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn rank(&self, id: ObjectId) -> Result<Option<u32>, PackError> {
        self.index.find(id).map_err(|err| self.about(err))
    }

    /// Goes through all names, and sees to it that they ascend. What is gone through does not stay in
    /// memory.
    pub fn ids(&self) -> impl Iterator<Item = Result<ObjectId, PackError>> {
        let mut last = None;
        self.unchecked_ids().map(move |id| {
            let id = id?;
            if last.is_some_and(|last| order(&last, &id).is_ge()) {
                return Err(self.about(damaged("its names do not ascend")));
            }
            last = Some(id);
            Ok(id)
        })
    }

    pub(crate) fn id_rows(&self) -> Rows<'_, 32> {
        self.index.ids()
    }

    /// Goes through all names.
    fn unchecked_ids(&self) -> impl Iterator<Item = Result<ObjectId, PackError>> {
        let ids = self.id_rows();
        ids.map(|row| row.map(ObjectId::from_bytes).map_err(|err| self.about(err)))
    }

    /// Goes through the places of all objects, sorted by their names.
    pub(crate) fn places(&self) -> impl Iterator<Item = Result<Place, PackError>> {
        let places = self.index.places();
        places.map(|place| place.map_err(|err| self.about(err)))
    }

    /// Goes through all objects, sorted by name. What is gone through does not stay in memory.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, PackError>> {
        let entries = self.unchecked_ids().zip(self.places());
        entries.map(|(id, place)| {
            let (id, place) = (id?, place?);
            Ok(Entry { id, place })
        })
    }

    /// Says of what is wrong that it is about this pack. Making that ready costs too much for every object.
    pub(crate) fn about(&self, err: PackError) -> PackError {
        PackError::at(&self.path)(err)
    }

    /// Returns how many blocks there are.
    pub(crate) const fn blocks(&self) -> u32 {
        self.index.blocks()
    }

    /// Returns the objects in the order in which they lie in the pack: 44 bytes of memory for each.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn entries_by_place(&self) -> Result<Vec<Entry>, PackError> {
        // Collecting results makes room for up to twice as many.
        let mut entries = Vec::with_capacity(self.len() as usize);
        for entry in self.entries() {
            entries.push(entry?);
        }
        entries.sort_unstable_by_key(|entry| entry.place);
        Ok(entries)
    }

    /// Reads an object from its place.
    ///
    /// # Errors
    ///
    /// As [`PackFile::find`].
    pub fn object(&self, entry: &Entry) -> Result<Object, PackError> {
        self.object_in(entry).map_err(|err| self.about(err))
    }

    fn object_in(&self, entry: &Entry) -> Result<Object, PackError> {
        let Entry { id, place } = *entry;
        let block = place.block();
        let raw = self.block(block)?;
        let start = place.start() as usize;
        let body = raw.get(start..start + place.len() as usize);
        let object = body.map(|body| Object::from_parts(id, place.kind(), body.to_vec()));
        object
            .filter(Object::is_genuine)
            .ok_or(PackError::NotGenuine { id, block })
    }

    /// Returns an unpacked block.
    fn block(&self, block: u32) -> Result<Arc<Vec<u8>>, PackError> {
        if let Some(raw) = self.cache.get(block) {
            return Ok(raw);
        }
        let raw = Arc::new(self.unpack(block)?);
        self.cache.put(block, &raw);
        Ok(raw)
    }

    fn unpack(&self, block: u32) -> Result<Vec<u8>, PackError> {
        let range = self.index.block(block)?;
        // At most 16 MiB and a few bytes: the index has seen to that.
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let at = self.span.start.saturating_add(range.start);
        self.file.read_exact_at(&mut bytes, at)?;
        let wrong = PackError::in_block(block);
        unpack_block(&bytes).map_err(wrong)
    }

    /// Reads the whole pack and its index, and checks everything that can be checked.
    ///
    /// # Errors
    ///
    /// When the pack cannot be read. What is damaged is in the report.
    pub fn verify(&self) -> Result<Report, PackError> {
        let mut report = Report {
            name: self.name(),
            objects: self.len().into(),
            blocks: self.index.blocks().into(),
            bytes: self.bytes(),
            raw: 0,
            damage: Vec::new(),
        };
        // Nearly always there is nothing to be told, and then this takes hardly any memory.
        if let Ok(raw) = compare(self.input(), &self.index) {
            report.raw = raw;
            return Ok(report);
        }
        match read(self.input(), &Limits::own(), &mut |_| Ok(())) {
            Ok(contents) => {
                report.raw = contents.raw();
                report.note(self.check_index(self.has_index_of(&contents)));
            }
            Err(PackError::Read(err)) => return Err(PackError::at(&self.path)(err.into())),
            Err(err) => {
                report.note(Err(PackError::at(&self.path)(err)));
                report.note(self.check_index(self.index.is_sound()));
                let mut lost = Vec::new();
                let listed = self.each_object(|_, object| {
                    lost.extend(object.err());
                    ControlFlow::Continue(())
                });
                report.note(listed);
                report.damage.append(&mut lost);
            }
        }
        Ok(report)
    }

    /// Returns whether every byte of the index is what it was written as.
    pub fn is_index_sound(&self) -> bool {
        self.index.is_sound()
    }

    /// Checks that every byte of the pack is what it is named by, and every byte of the index what it was
    /// written as. No object is looked at: it takes as long as reading the two, and 512 KiB.
    ///
    /// # Errors
    ///
    /// When one of them is damaged or cannot be read.
    pub fn check_bytes(&self) -> Result<(), PackError> {
        let checked = match self.is_index_sound() {
            true => self.check_name(),
            false => Err(damaged("its bytes do not fit its checksum")),
        };
        checked.map_err(PackError::at(&self.path))
    }

    fn check_name(&self) -> Result<(), PackError> {
        let mut input = self.input().take(self.bytes() - PackName::LEN as u64);
        let mut hasher = blake3::Hasher::new();
        let hashed = io::copy(&mut input, &mut hasher)?;
        let (said, found) = (self.name(), PackName::from_bytes(hasher.finalize().into()));
        if hashed < self.bytes() - PackName::LEN as u64 || said != found {
            return Err(PackError::Name { said, found });
        }
        Ok(())
    }

    /// Returns the bytes of the pack, from its beginning.
    fn input(&self) -> BufReader<From<'_>> {
        BufReader::with_capacity(1 << 18, From(&self.file, self.span.clone()))
    }

    /// Returns whether the index is, byte for byte, the one that a pack with these contents has.
    pub fn has_index_of(&self, contents: &Contents) -> bool {
        self.index.is_of(contents)
    }

    fn check_index(&self, is_right: bool) -> Result<(), PackError> {
        let why = "it has other bytes than an index of this pack has";
        match is_right {
            true => Ok(()),
            false => Err(PackError::at(&self.path)(PackError::Unfit { why })),
        }
    }
}

impl Objects for PackFile {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        Ok(Self::find(self, id)?)
    }
}

/// What [`PackFile::verify`] found.
#[derive(Debug)]
pub struct Report {
    /// What the pack is called.
    pub name: PackName,
    /// How many objects the index lists.
    pub objects: u64,
    /// How many blocks the index lists.
    pub blocks: u64,
    /// How long the pack is, in bytes.
    pub bytes: u64,
    /// How many bytes all bodies have together; 0 if the pack is damaged.
    pub raw: u64,
    /// What is wrong: first with the pack as a whole, then with its index and each of its objects.
    pub damage: Vec<PackError>,
}

impl Report {
    fn note(&mut self, checked: Result<(), PackError>) {
        self.damage.extend(checked.err());
    }
}

/// Checks that a file is as long as the index says, and ends in its name.
fn check_fit(file: &File, index: &Index) -> Result<(), PackError> {
    let unfit = |why| PackError::Unfit { why };
    if file.metadata()?.len() != index.pack_len() {
        return Err(unfit("they speak of different lengths"));
    }
    let mut name = [0; PackName::LEN];
    file.read_exact_at(&mut name, index.pack_len() - PackName::LEN as u64)?;
    if PackName::from_bytes(name) != index.name() {
        return Err(unfit("it is that of another pack"));
    }
    Ok(())
}

/// Unpacks a block for looking up one object. The block's checksum is left alone: the object is hashed,
/// and where a block is stored raw, damage to one object need not cost the others.
fn unpack_block(bytes: &[u8]) -> Result<Vec<u8>, BlockError> {
    let (head, stored) = bytes
        .split_first_chunk::<HEAD_LEN>()
        .ok_or(BlockError::Empty)?;
    let head = Head::parse(head)?;
    if head.stored as usize != stored.len() {
        let stored = head.stored;
        return Err(BlockError::Stored {
            stored,
            raw: head.raw,
        });
    }
    unpack(head.codec, stored, head.raw)
}

/// Part of a file, read from a place of its own.
struct From<'f>(&'f File, Range<u64>);

impl Read for From<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.1.end.saturating_sub(self.1.start);
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let len = self.0.read_at(&mut bytes[..most], self.1.start)?;
        self.1.start += len as u64;
        Ok(len)
    }
}
