//! Writing blocks, one after the other and without looking back, and the end behind them.

use crate::block::Filling;
use crate::codec::Packer;
use crate::error::PackError;
use crate::layout::{End, HEADER, Head};
use crate::name::PackName;
use crate::place::Place;
use roar_object::Kind;
use std::io::{self, Write};

/// Where blocks begin in a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets(pub(crate) Vec<u64>);

impl Offsets {
    /// Takes note that a block begins, and returns its number.
    pub(crate) fn begin(&mut self, offset: u64) -> Result<u32, PackError> {
        let limit = u32::MAX;
        let number = u32::try_from(self.0.len()).map_err(|_| PackError::TooMany { limit })?;
        self.0.push(offset);
        Ok(number)
    }

    pub(crate) const fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// A pack that was written, as far as it can be told without its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) name: PackName,
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
    pub(crate) raw: u64,
    pub(crate) offsets: Offsets,
}

/// The blocks of a pack that is being written.
pub(crate) struct Blocks<W> {
    out: W,
    hasher: blake3::Hasher,
    bytes: u64,
    packer: Packer,
    filling: Filling,
    offsets: Offsets,
    /// Objects of the block that is being filled begin in this one.
    number: u32,
    objects: u64,
    raw: u64,
}

impl<W: Write> Blocks<W> {
    pub(crate) fn new(out: W) -> io::Result<Self> {
        let mut blocks = Self {
            out,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            packer: Packer::new()?,
            filling: Filling::default(),
            offsets: Offsets::default(),
            number: 0,
            objects: 0,
            raw: 0,
        };
        blocks.put(&HEADER)?;
        Ok(blocks)
    }

    /// Adds an object of 16 MiB at most, and returns where it is. The caller sees to it that none comes
    /// twice, and that the body is what it is to be.
    pub(crate) fn push(&mut self, kind: Kind, body: &[u8]) -> io::Result<Place> {
        if self.objects >= u64::from(u32::MAX) {
            return Err(invalid(PackError::TooMany { limit: u32::MAX }));
        }
        if self.filling.is_full_for(body.len()) {
            self.end_block()?;
        }
        if self.filling.objects == 0 {
            self.number = self.offsets.begin(self.bytes).map_err(invalid)?;
        }
        let start = self.filling.push(kind, body);
        self.objects += 1;
        self.raw += body.len() as u64;
        Ok(Place::new(self.number, start, kind, body.len() as u32))
    }

    /// Returns how many bytes were written so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the pack, and returns what was written to, flushed but not synced.
    pub(crate) fn finish(mut self) -> io::Result<(W, Written)> {
        self.end_block()?;
        let end = End {
            objects: self.objects,
            blocks: self.offsets.count(),
            raw: self.raw,
        };
        self.put(&end.to_bytes())?;
        let name = PackName::from_bytes(self.hasher.finalize().into());
        self.put(name.as_bytes())?;
        self.out.flush()?;
        let written = Written {
            name,
            bytes: self.bytes,
            objects: self.objects,
            raw: self.raw,
            offsets: self.offsets,
        };
        Ok((self.out, written))
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.filling.objects == 0 {
            return Ok(());
        }
        let (codec, stored) = self.packer.pack(&self.filling.raw)?;
        let raw = self.filling.raw.len() as u32;
        let head = Head::new(codec, self.filling.objects, raw, stored).to_bytes();
        for part in [&head, stored] {
            put(&mut self.out, &mut self.hasher, &mut self.bytes, part)?;
        }
        self.filling.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        put(&mut self.out, &mut self.hasher, &mut self.bytes, bytes)
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

pub(crate) fn invalid(err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, err)
}
