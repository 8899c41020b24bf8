//! What is left in a pack that is damaged: the blocks that are whole, and the objects that are right.
//!
//! From the front it goes from block to block by their lengths. Where no right block begins, it looks for
//! the next place at which one does, by its head and its check; what lies between is lost. In a block
//! whose check does not fit, the objects are looked at one by one. One that was changed and is canonical
//! all the same has another name, for which nobody asks.
//!
//! This is for one's own packs: somebody else's is refused instead.

use crate::block::Objects;
use crate::codec::unpack;
use crate::contents::{Contents, Gathering};
use crate::error::PackError;
use crate::layout::{END_LEN, End, HEAD_LEN, HEADER, Head, is_end};
use crate::name::PackName;
use crate::place::Place;
use roar_object::Object;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is looked through at once.
const WINDOW: usize = 1 << 16;

/// Finds what is whole in a file that was the pack of that name.
///
/// The blocks of what it returns are those that are whole, and in between the beginnings of what is not,
/// so that each block's end is where the next begins.
pub(crate) fn salvage(file: &File, name: PackName) -> Result<Contents, PackError> {
    let mut salvage = Salvage {
        file,
        len: file.metadata()?.len(),
        gathering: Gathering::default(),
    };
    let end = salvage.run()?;
    // As long as a pack of these blocks is: that is where its last block is taken to end.
    Ok(salvage.gathering.finish(name, end + END_LEN as u64))
}

struct Salvage<'f> {
    file: &'f File,
    len: u64,
    gathering: Gathering,
}

impl Salvage<'_> {
    /// Goes through the file, and returns where the last block ends.
    fn run(&mut self) -> Result<u64, PackError> {
        let mut at = HEADER.len() as u64;
        while at < self.len {
            if self.is_end(at)? {
                return Ok(at);
            }
            let Some(head) = self.head(at)? else {
                // What is lost counts as a block, in which no object is.
                self.gathering.begin_block(at)?;
                at = self.next_block(at + 1)?.unwrap_or(self.len);
                continue;
            };
            let number = self.gathering.begin_block(at)?;
            self.objects(number, head, &self.stored(at, head)?);
            at += (HEAD_LEN as u64) + u64::from(head.stored);
        }
        Ok(at)
    }

    /// Takes note of the objects of a block that are right.
    fn objects(&mut self, block: u32, head: Head, stored: &[u8]) {
        let Ok(raw) = unpack(head.codec, stored, head.raw) else {
            return;
        };
        for packed in Objects::new(&raw, head.objects).flatten() {
            let object = Object::from_body(packed.kind, packed.body.to_vec());
            if object.verify().is_ok() {
                let len = packed.body.len() as u32;
                let place = Place::new(block, packed.start, packed.kind, len);
                self.gathering.add(object.id(), place);
            }
        }
    }

    /// Returns the head of the block that begins at `at`: a right one, or one whose lengths lead to where
    /// another begins or the blocks end.
    fn head(&self, at: u64) -> Result<Option<Head>, PackError> {
        let Some(head) = self.plausible(at)? else {
            return Ok(None);
        };
        let next = at + HEAD_LEN as u64 + u64::from(head.stored);
        let fits =
            self.is_right(at, head)? || self.is_end(next)? || self.plausible(next)?.is_some();
        Ok(fits.then_some(head))
    }

    /// Reads a head that keeps to the rules, of a block that is in the file as a whole.
    fn plausible(&self, at: u64) -> Result<Option<Head>, PackError> {
        let head = self.array(at)?.and_then(|bytes| Head::parse(&bytes).ok());
        Ok(head.filter(|head| at + HEAD_LEN as u64 + u64::from(head.stored) <= self.len))
    }

    fn is_right(&self, at: u64, head: Head) -> Result<bool, PackError> {
        Ok(head.check_stored(&self.stored(at, head)?).is_ok())
    }

    /// Returns whether the end block begins at `at`.
    fn is_end(&self, at: u64) -> Result<bool, PackError> {
        let bytes: Option<[u8; End::LEN]> = self.array(at)?;
        Ok(bytes.is_some_and(|bytes| is_end(bytes[0]) && End::parse(&bytes).is_ok()))
    }

    /// Returns where the next right block or the end begins, from `from` on.
    fn next_block(&self, from: u64) -> Result<Option<u64>, PackError> {
        let mut window = vec![0; WINDOW];
        let mut at = from;
        while at < self.len {
            let len = self.len.saturating_sub(at).min(WINDOW as u64) as usize;
            self.file.read_exact_at(&mut window[..len], at)?;
            for (offset, byte) in window[..len].iter().enumerate() {
                let at = at + offset as u64;
                let begins = match byte {
                    1 => match self.plausible(at)? {
                        Some(head) => self.is_right(at, head)?,
                        None => false,
                    },
                    2 => at + END_LEN as u64 == self.len && self.is_end(at)?,
                    _ => false,
                };
                if begins {
                    return Ok(Some(at));
                }
            }
            at += len as u64;
        }
        Ok(None)
    }

    fn stored(&self, at: u64, head: Head) -> io::Result<Vec<u8>> {
        // At most 16 MiB and a few bytes: the head keeps to the rules.
        let mut stored = vec![0; head.stored as usize];
        self.file.read_exact_at(&mut stored, at + HEAD_LEN as u64)?;
        Ok(stored)
    }

    fn array<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        if at + N as u64 > self.len {
            return Ok(None);
        }
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(Some(bytes))
    }
}
