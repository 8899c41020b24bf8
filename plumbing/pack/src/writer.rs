//! Writing a pack: objects in, blocks out, in one go and without looking back.

use crate::block::Filling;
use crate::codec::Packer;
use crate::contents::{Contents, Gathering};
use crate::error::PackError;
use crate::layout::{End, HEADER, Head};
use crate::name::PackName;
use crate::place::Place;
use roar_object::{DecodeError, Kind, MAX_BODY, Object, ObjectId};
use std::fmt;
use std::io::{self, Write};

/// A pack that is being written.
///
/// It keeps one block and 50 to 55 bytes for every object in memory. Objects are stored in the order in
/// which they come; those that are asked for together should come together.
pub struct Writer<W> {
    out: W,
    hasher: blake3::Hasher,
    bytes: u64,
    packer: Packer,
    block: Filling,
    gathering: Gathering,
    /// Objects of the block that is being filled begin in this one.
    number: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a pack. What is written should be buffered: heads of blocks are small.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self {
            out,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            packer: Packer::new()?,
            block: Filling::default(),
            gathering: Gathering::default(),
            number: 0,
        };
        writer.put(&HEADER)?;
        Ok(writer)
    }

    /// Adds an object, and returns whether the pack did not have it before.
    ///
    /// # Errors
    ///
    /// As [`Writer::add_body`].
    pub fn add(&mut self, object: &Object) -> io::Result<bool> {
        self.add_body(object.kind(), object.id(), object.body())
    }

    /// Adds an object by its parts, and returns whether the pack did not have it before.
    ///
    /// # Errors
    ///
    /// Those of `out`, after which the pack cannot be finished; and `InvalidData` when `body` is longer
    /// than bodies may be or has another name than `id`, after which it can: nothing was added. Whether
    /// the body is canonical is not looked at.
    pub fn add_body(&mut self, kind: Kind, id: ObjectId, body: &[u8]) -> io::Result<bool> {
        if self.gathering.has(&id) {
            return Ok(false);
        }
        check(kind, id, body).map_err(invalid)?;
        if self.gathering.objects() >= u64::from(u32::MAX) {
            return Err(invalid(PackError::TooMany { limit: u32::MAX }));
        }
        if self.block.is_full_for(body.len()) {
            self.end_block()?;
        }
        if self.block.objects == 0 {
            self.number = self.gathering.begin_block(self.bytes).map_err(invalid)?;
        }
        let start = self.block.push(kind, body);
        let place = Place::new(self.number, start, kind, body.len() as u32);
        Ok(self.gathering.add(id, place))
    }

    /// Returns whether an object was added.
    pub fn has(&self, id: &ObjectId) -> bool {
        self.gathering.has(id)
    }

    /// Returns how many objects were added.
    pub fn objects(&self) -> u64 {
        self.gathering.objects()
    }

    /// Returns how many bytes were written so far.
    pub const fn written(&self) -> u64 {
        self.bytes
    }

    /// Ends the pack, and returns what was written to, flushed but not synced, and what the pack holds.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<(W, Contents)> {
        self.end_block()?;
        let end = End {
            objects: self.gathering.objects(),
            blocks: self.gathering.blocks(),
            raw: self.gathering.raw(),
        };
        self.put(&end.to_bytes())?;
        let name = PackName::from_bytes(self.hasher.finalize().into());
        self.put(name.as_bytes())?;
        self.out.flush()?;
        Ok((self.out, self.gathering.finish(name, self.bytes)))
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.objects == 0 {
            return Ok(());
        }
        let (codec, stored) = self.packer.pack(&self.block.raw)?;
        let raw = self.block.raw.len() as u32;
        let head = Head::new(codec, self.block.objects, raw, stored).to_bytes();
        for part in [&head, stored] {
            put(&mut self.out, &mut self.hasher, &mut self.bytes, part)?;
        }
        self.block.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        put(&mut self.out, &mut self.hasher, &mut self.bytes, bytes)
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("objects", &self.gathering.objects())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

fn put(
    out: &mut impl Write,
    hasher: &mut blake3::Hasher,
    count: &mut u64,
    bytes: &[u8],
) -> io::Result<()> {
    out.write_all(bytes)?;
    hasher.update(bytes);
    *count += bytes.len() as u64;
    Ok(())
}

/// A pack does not hold names, so an object under a wrong one would be lost in it.
fn check(kind: Kind, id: ObjectId, body: &[u8]) -> Result<(), DecodeError> {
    if body.len() > MAX_BODY {
        let len = body.len();
        return Err(DecodeError::Size { id, len });
    }
    if ObjectId::of(kind, body) != id {
        let why = "its bytes have another name".to_owned();
        return Err(DecodeError::Invalid { id, kind, why });
    }
    Ok(())
}

fn invalid(err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, err)
}
