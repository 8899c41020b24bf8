//! Reading a pack from somebody else, front to back, believing nothing.

use crate::block::Objects;
use crate::codec::unpack;
use crate::contents::{Contents, Gathering};
use crate::error::{BlockError, PackError};
use crate::index::Index;
use crate::layout::{End, HEAD_LEN, Head, check_header, is_end};
use crate::limits::Limits;
use crate::name::PackName;
use crate::place::Place;
use roar_object::{Object, ObjectId};
use std::io::{self, Read};

/// What the caller of [`read`] says to an object that it does not take.
pub type NotTaken = Box<dyn std::error::Error + Send + Sync>;

/// Reads a whole pack, hands each object to `each`, and returns what the pack holds.
///
/// Every rule of the format is checked: lengths before memory is asked for, each object's body by
/// decoding it and encoding it again, that none comes twice, totals, and the name at the end. Objects
/// come before the end is seen, so **nothing may be admitted until this returns**. The bytes after the
/// pack must be the end of `input`. What objects lead to is not looked at.
///
/// Memory: one block, packed and unpacked, and about 55 bytes for each object.
///
/// # Errors
///
/// When the pack breaks a rule or a limit, `input` does not give its bytes, or `each` does not take an
/// object.
pub fn read(
    input: impl Read,
    limits: &Limits,
    each: &mut dyn FnMut(Object) -> Result<(), NotTaken>,
) -> Result<Contents, PackError> {
    let (gathering, name, bytes) = Reading::new(input, limits, Gathering::default()).run(each)?;
    Ok(gathering.finish(name, bytes))
}

/// As [`read`] of a pack that has this index, whose objects nobody wants to see: one bit of memory for
/// each. Returns how many bytes all bodies have.
///
/// # Errors
///
/// As [`read`], and when the index is not the one of the pack. Then what is said of it is not all.
pub(crate) fn compare(input: impl Read, index: &Index) -> Result<u64, PackError> {
    let limits = Limits::own();
    let against = Against::new(index);
    let (against, name, bytes) = Reading::new(input, &limits, against).run(&mut |_| Ok(()))?;
    against.finish(name, bytes)
}

/// What takes note of what is read.
trait Notes {
    /// Takes note that a block begins, and returns its number.
    fn begin_block(&mut self, offset: u64) -> Result<u32, PackError>;
    /// Takes note of an object, and returns whether it is a new one.
    fn add(&mut self, id: ObjectId, place: Place) -> bool;
    /// Returns the totals so far.
    fn totals(&self) -> End;
}

impl Notes for Gathering {
    fn begin_block(&mut self, offset: u64) -> Result<u32, PackError> {
        Self::begin_block(self, offset)
    }

    fn add(&mut self, id: ObjectId, place: Place) -> bool {
        Self::add(self, id, place)
    }

    fn totals(&self) -> End {
        End {
            objects: self.objects(),
            blocks: self.blocks(),
            raw: self.raw(),
        }
    }
}

/// Holds a pack against its index.
struct Against<'i> {
    index: &'i Index,
    /// A bit for each object that the index lists.
    seen: Vec<u64>,
    totals: End,
    is_fit: bool,
}

impl<'i> Against<'i> {
    fn new(index: &'i Index) -> Self {
        Self {
            index,
            seen: vec![0; (index.objects() as usize).div_ceil(64)],
            totals: End {
                objects: 0,
                blocks: 0,
                raw: 0,
            },
            is_fit: true,
        }
    }

    fn finish(self, name: PackName, bytes: u64) -> Result<u64, PackError> {
        let (index, totals) = (self.index, self.totals);
        let counts = (u64::from(index.objects()), u64::from(index.blocks()));
        let is_all = counts == (totals.objects, totals.blocks);
        let is_its = (index.name(), index.pack_len()) == (name, bytes);
        match self.is_fit && is_all && is_its && index.is_sound() {
            true => Ok(totals.raw),
            false => Err(UNFIT),
        }
    }
}

/// What is said of an index that does not list what is read.
const UNFIT: PackError = PackError::Unfit {
    why: "it lists something else",
};

impl Notes for Against<'_> {
    fn begin_block(&mut self, offset: u64) -> Result<u32, PackError> {
        let number = self.totals.blocks as u32;
        let listed = self.index.block(number)?.start;
        if !self.is_fit || listed != offset {
            return Err(UNFIT);
        }
        self.totals.blocks += 1;
        Ok(number)
    }

    fn add(&mut self, id: ObjectId, place: Place) -> bool {
        self.totals.objects += 1;
        self.totals.raw += u64::from(place.len());
        let rank = self.index.find(id).ok().flatten();
        let listed =
            rank.filter(|rank| self.index.place(*rank).is_ok_and(|listed| listed == place));
        let Some(rank) = listed else {
            // Whether it came before is not known. Whoever asks has to look in another way.
            self.is_fit = false;
            return true;
        };
        let (word, bit) = (&mut self.seen[rank as usize / 64], 1 << (rank % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn totals(&self) -> End {
        self.totals
    }
}

struct Reading<'l, R, N> {
    input: Hashed<R>,
    limits: &'l Limits,
    notes: N,
    unpacked: u64,
}

impl<'l, R: Read, N: Notes> Reading<'l, R, N> {
    fn new(input: R, limits: &'l Limits, notes: N) -> Self {
        Self {
            input: Hashed {
                input,
                hasher: blake3::Hasher::new(),
                at: 0,
            },
            limits,
            notes,
            unpacked: 0,
        }
    }

    fn run(
        mut self,
        each: &mut dyn FnMut(Object) -> Result<(), NotTaken>,
    ) -> Result<(N, PackName, u64), PackError> {
        check_header(&self.input.array("the header")?)?;
        loop {
            let offset = self.input.at;
            let head = self.input.array("the head of a block")?;
            if is_end(head[0]) {
                return self.end(&head);
            }
            self.block(offset, &head, each)?;
        }
    }

    fn block(
        &mut self,
        offset: u64,
        head: &[u8; HEAD_LEN],
        each: &mut dyn FnMut(Object) -> Result<(), NotTaken>,
    ) -> Result<(), PackError> {
        let number = self.notes.begin_block(offset)?;
        let head = self
            .checked_head(head)
            .map_err(PackError::in_block(number))?;
        self.count(head)?;
        let stored = self.input.vec(head.stored, "a block")?;
        head.check_stored(&stored)
            .and_then(|()| unpack(head.codec, &stored, head.raw))
            .map_err(PackError::in_block(number))
            .and_then(|raw| self.objects(number, head, &raw, each))
    }

    fn checked_head(&self, head: &[u8; HEAD_LEN]) -> Result<Head, BlockError> {
        let head = Head::parse(head)?;
        head.check_ratio(self.limits)?;
        Ok(head)
    }

    /// Checks a block that is about to be unpacked against what all blocks together may come to.
    fn count(&mut self, head: Head) -> Result<(), PackError> {
        self.unpacked += u64::from(head.raw);
        if self.unpacked > self.limits.raw {
            let limit = self.limits.raw;
            return Err(PackError::TooMuch { limit });
        }
        let objects = self.notes.totals().objects + u64::from(head.objects);
        if objects > u64::from(self.limits.objects) {
            let limit = self.limits.objects;
            return Err(PackError::TooMany { limit });
        }
        Ok(())
    }

    fn objects(
        &mut self,
        block: u32,
        head: Head,
        raw: &[u8],
        each: &mut dyn FnMut(Object) -> Result<(), NotTaken>,
    ) -> Result<(), PackError> {
        for packed in Objects::new(raw, head.objects) {
            let packed = packed.map_err(PackError::in_block(block))?;
            let object = Object::from_body(packed.kind, packed.body.to_vec());
            let nth = packed.nth;
            object
                .verify()
                .map_err(|source| PackError::Object { block, nth, source })?;
            let id = object.id();
            let place = Place::new(block, packed.start, packed.kind, packed.body.len() as u32);
            if !self.notes.add(id, place) {
                return Err(PackError::Twice { id, block });
            }
            each(object).map_err(|source| PackError::NotTaken { id, source })?;
        }
        Ok(())
    }

    /// Reads the rest of the end block, of which the first bytes look like the head of a block.
    fn end(mut self, front: &[u8; HEAD_LEN]) -> Result<(N, PackName, u64), PackError> {
        let rest: [u8; End::LEN - HEAD_LEN] = self.input.array("the end")?;
        let mut bytes = [0; End::LEN];
        bytes[..HEAD_LEN].copy_from_slice(front);
        bytes[HEAD_LEN..].copy_from_slice(&rest);
        End::parse(&bytes)?.check(self.notes.totals())?;
        let found = PackName::from_bytes(self.input.hasher.finalize().into());
        let said = PackName::from_bytes(self.input.array("its name")?);
        if said != found {
            return Err(PackError::Name { said, found });
        }
        self.input.check_end()?;
        Ok((self.notes, found, self.input.at))
    }
}

/// Input that is hashed and counted as it goes by.
struct Hashed<R> {
    input: R,
    hasher: blake3::Hasher,
    at: u64,
}

impl<R: Read> Hashed<R> {
    fn array<const N: usize>(&mut self, within: &'static str) -> Result<[u8; N], PackError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, within)?;
        Ok(bytes)
    }

    /// Reads `len` bytes, which the caller has checked to be no more than a block may have.
    fn vec(&mut self, len: u32, within: &'static str) -> Result<Vec<u8>, PackError> {
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes, within)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8], within: &'static str) -> Result<(), PackError> {
        let mut len = 0;
        while len < bytes.len() {
            match self.input.read(&mut bytes[len..]) {
                Ok(0) => {
                    let at = self.at + len as u64;
                    return Err(PackError::Truncated { within, at });
                }
                Ok(more) => len += more,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err.into()),
            }
        }
        self.hasher.update(bytes);
        self.at += len as u64;
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), PackError> {
        let at = self.at;
        match self.fill(&mut [0], "its name") {
            Ok(()) => Err(PackError::Trailing),
            Err(PackError::Truncated { .. }) => {
                self.at = at;
                Ok(())
            }
            Err(err) => Err(err),
        }
    }
}
