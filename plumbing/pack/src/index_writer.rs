//! Writing the index of a pack, from front to back.

use crate::blocks::Written;
use crate::error::PackError;
use crate::index::{CHECKSUMS, HEAD, HEAD_CHECKS, MAGIC, places_size};
use crate::layout::VERSION;
use crate::place::Place;
use crate::table::{Groups, fan_bits};
use roar_object::ObjectId;
use std::io::{self, Write};

/// An index that is being written: first all names, then all places in the same order.
pub(crate) struct IndexWriter<W> {
    out: Summed<W>,
    objects: usize,
}

impl<W: Write> IndexWriter<W> {
    /// Begins the index of a pack, with what comes before the names.
    pub(crate) fn begin(out: W, pack: &Written, groups: &Groups) -> Result<Self, PackError> {
        let mut index = Self {
            out: Summed::new(out, CHECKSUMS.hasher()),
            // Objects are counted in 32 bits from the beginning.
            objects: pack.objects as usize,
        };
        index.put(&head(pack))?;
        for number in groups.fan_out(pack.objects as u32) {
            index.put(&number.to_le_bytes())?;
        }
        for offset in &pack.offsets.0 {
            index.put(&offset.to_le_bytes())?;
        }
        Ok(index)
    }

    pub(crate) fn id(&mut self, id: &ObjectId) -> Result<(), PackError> {
        self.put(id.as_bytes())
    }

    pub(crate) fn place(&mut self, place: Place) -> Result<(), PackError> {
        self.put(&place.to_bytes())
    }

    pub(crate) fn finish(mut self) -> Result<(), PackError> {
        let padding = places_size(self.objects) - Place::LEN * self.objects;
        self.put(&[0; 8][..padding])?;
        self.out.finish().map_err(PackError::Write)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.out.put(bytes).map_err(PackError::Write)
    }
}

fn head(pack: &Written) -> [u8; HEAD] {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&(fan_bits(pack.objects as usize) as u16).to_le_bytes());
    // Both fit: objects and blocks are counted in 32 bits from the beginning.
    head.extend_from_slice(&(pack.objects as u32).to_le_bytes());
    head.extend_from_slice(&(pack.offsets.count() as u32).to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&pack.bytes.to_le_bytes());
    head.extend_from_slice(pack.name.as_bytes());
    head.extend_from_slice(&HEAD_CHECKS.short(&[&head]));
    head.try_into().expect("72 bytes were put into it")
}

/// Output in small pieces that is gathered and summed up, with the checksum behind it.
pub(crate) struct Summed<W> {
    out: W,
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

impl<W: Write> Summed<W> {
    const GATHER: usize = 1 << 16;

    pub(crate) fn new(out: W, hasher: blake3::Hasher) -> Self {
        Self {
            out,
            hasher,
            gathered: Vec::with_capacity(Self::GATHER + 64),
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= Self::GATHER {
            self.pass_on()?;
        }
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.hasher.update(&self.gathered);
        self.out.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.write_all(self.hasher.finalize().as_bytes())?;
        self.out.flush()
    }
}
