//! What is in a block once it is unpacked: kind, length and body of one object after the other.

use crate::bytes::{Fields, put_varint};
use crate::error::BlockError;
use crate::layout::MAX_PREFIX;
use crate::limits::{MAX_BLOCK, TARGET_BLOCK};
use roar_object::{Kind, MAX_BODY};

/// A block that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    pub(crate) raw: Vec<u8>,
    pub(crate) objects: u16,
}

impl Filling {
    /// Returns whether a body of `len` bytes belongs into the next block.
    pub(crate) fn is_full_for(&self, len: usize) -> bool {
        let with = self.raw.len() + MAX_PREFIX + len;
        self.objects > 0
            && (self.raw.len() >= TARGET_BLOCK
                || with > MAX_BLOCK as usize
                || self.objects == u16::MAX)
    }

    /// Appends an object and returns where its body begins.
    pub(crate) fn push(&mut self, kind: Kind, body: &[u8]) -> u32 {
        self.raw.push(kind.code());
        // Bodies are 16 MiB at most.
        put_varint(&mut self.raw, body.len() as u32);
        let start = self.raw.len() as u32;
        self.raw.extend_from_slice(body);
        self.objects += 1;
        start
    }

    pub(crate) fn clear(&mut self) {
        self.objects = 0;
        self.raw.clear();
        // One large object is no reason to keep its room.
        self.raw.shrink_to(MAX_BLOCK as usize);
    }
}

/// One object in an unpacked block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed<'a> {
    pub(crate) nth: u32,
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) body: &'a [u8],
}

/// Goes through the objects of an unpacked block; ends after the first error.
#[derive(Debug)]
pub(crate) struct Objects<'a> {
    raw: &'a [u8],
    rest: Fields<'a>,
    nth: u32,
    objects: u32,
}

impl<'a> Objects<'a> {
    /// Goes through the `objects` objects of `raw`.
    pub(crate) fn new(raw: &'a [u8], objects: u16) -> Self {
        Self {
            raw,
            rest: Fields(raw),
            nth: 0,
            objects: objects.into(),
        }
    }

    fn take(&mut self) -> Result<Packed<'a>, BlockError> {
        let nth = self.nth;
        let layout = || BlockError::Layout { nth };
        let code = self.rest.u8().ok_or_else(layout)?;
        let kind = Kind::from_code(code).ok_or(BlockError::Kind { nth, code })?;
        let len = self.rest.varint().ok_or_else(layout)?;
        if len as usize > MAX_BODY {
            return Err(BlockError::Long { nth, len });
        }
        let start = (self.raw.len() - self.rest.0.len()) as u32;
        let (body, rest) = self
            .rest
            .0
            .split_at_checked(len as usize)
            .ok_or_else(layout)?;
        self.rest = Fields(rest);
        Ok(Packed {
            nth,
            kind,
            start,
            body,
        })
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Packed<'a>, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.nth < self.objects {
            let next = self.take();
            self.nth = if next.is_ok() {
                self.nth + 1
            } else {
                self.rest = Fields(&[]);
                self.objects
            };
            return Some(next);
        }
        let len = std::mem::take(&mut self.rest.0).len();
        (len > 0).then_some(Err(BlockError::Slack { len }))
    }
}
