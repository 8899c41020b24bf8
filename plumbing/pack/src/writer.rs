//! Writing a pack: objects in, blocks out, in one go and without looking back.

use crate::blocks::{Blocks, invalid};
use crate::contents::{Contents, Gathering};
use roar_object::{DecodeError, Kind, MAX_BODY, Object, ObjectId};
use std::fmt;
use std::io::{self, Write};

/// A pack that is being written.
///
/// It keeps one block and 50 to 55 bytes for every object in memory. Objects are stored in the order in
/// which they come; those that are asked for together should come together.
pub struct Writer<W> {
    blocks: Blocks<W>,
    gathering: Gathering,
}

impl<W: Write> Writer<W> {
    /// Begins a pack. What is written should be buffered: heads of blocks are small.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self {
            blocks: Blocks::new(out)?,
            gathering: Gathering::default(),
        })
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
        let place = self.blocks.push(kind, body)?;
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
        self.blocks.bytes()
    }

    /// Ends the pack, and returns what was written to, flushed but not synced, and what the pack holds.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(self) -> io::Result<(W, Contents)> {
        let (out, pack) = self.blocks.finish()?;
        let gathering = self.gathering.with_blocks(pack.offsets);
        Ok((out, gathering.finish(pack.name, pack.bytes)))
    }
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("objects", &self.gathering.objects())
            .field("bytes", &self.written())
            .finish_non_exhaustive()
    }
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
