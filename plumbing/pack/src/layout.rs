//! The fixed parts of a pack: header, heads of blocks, end.

use crate::bytes::{Context, Fields};
use crate::codec::{RAW, ZSTD};
use crate::error::{BlockError, PackError};
use crate::limits::{Limits, MAX_BLOCK};
use roar_object::MAX_BODY;

static BLOCK_CHECKS: Context = Context::new("roar 2026 pack block v1");

pub(crate) const MAGIC: [u8; 8] = *b"ROARPK1\n";

/// The one version there is, of packs and of indexes.
pub(crate) const VERSION: u16 = 1;

/// The first bytes of a pack.
pub(crate) const HEADER: [u8; 16] = *b"ROARPK1\n\x01\0\0\0\0\0\0\0";

/// Bytes before the stored bytes of a block.
pub(crate) const HEAD_LEN: usize = 20;

/// Bytes of the end block and the name after it.
pub(crate) const END_LEN: usize = 64;

/// Longest pair of kind and length before a body.
pub(crate) const MAX_PREFIX: usize = 5;

const OBJECTS: u8 = 1;
const END: u8 = 2;

/// Checks the first 16 bytes of a pack.
pub(crate) fn check_header(header: &[u8; 16]) -> Result<(), PackError> {
    let mut fields = Fields(header);
    if fields.array() != Some(MAGIC) {
        return Err(PackError::NotOne { what: "pack" });
    }
    match fields.u16() {
        Some(VERSION) => {}
        found => {
            return Err(PackError::Version {
                what: "pack",
                found: found.unwrap_or_default(),
            });
        }
    }
    if *header != HEADER {
        return Err(PackError::Reserved { within: "header" });
    }
    Ok(())
}

/// What stands before the stored bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) codec: u8,
    pub(crate) objects: u16,
    pub(crate) raw: u32,
    pub(crate) stored: u32,
    check: [u8; 8],
}

impl Head {
    /// Makes the head of a block.
    pub(crate) fn new(codec: u8, objects: u16, raw: u32, stored: &[u8]) -> Self {
        // Blocks are 16 MiB and a few bytes at most.
        let mut head = Self {
            codec,
            objects,
            raw,
            stored: stored.len() as u32,
            check: [0; 8],
        };
        head.check = head.check_of(stored);
        head
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        let (front, check) = bytes.split_at_mut(12);
        front.copy_from_slice(&self.front());
        check.copy_from_slice(&self.check);
        bytes
    }

    fn front(self) -> [u8; 12] {
        let [a, b] = self.objects.to_le_bytes();
        let [c, d, e, f] = self.raw.to_le_bytes();
        let [g, h, i, j] = self.stored.to_le_bytes();
        [OBJECTS, self.codec, a, b, c, d, e, f, g, h, i, j]
    }

    fn check_of(self, stored: &[u8]) -> [u8; 8] {
        BLOCK_CHECKS.short(&[&self.front(), stored])
    }

    pub(crate) fn check_stored(self, stored: &[u8]) -> Result<(), BlockError> {
        if self.check == self.check_of(stored) {
            Ok(())
        } else {
            Err(BlockError::Checksum)
        }
    }

    /// Takes 20 bytes for a head, if it keeps to the rules of the format.
    pub(crate) fn parse(bytes: &[u8; HEAD_LEN]) -> Result<Self, BlockError> {
        if bytes[0] != OBJECTS {
            return Err(BlockError::Type { code: bytes[0] });
        }
        let mut fields = Fields(&bytes[1..]);
        let head = (|| {
            Some(Self {
                codec: fields.u8()?,
                objects: fields.u16()?,
                raw: fields.u32()?,
                stored: fields.u32()?,
                check: fields.array()?,
            })
        })()
        .expect("20 bytes are a head");
        head.check_sizes()?;
        Ok(head)
    }

    fn check_sizes(self) -> Result<(), BlockError> {
        let Self {
            objects,
            raw,
            stored,
            ..
        } = self;
        let largest = match objects {
            0 => return Err(BlockError::Empty),
            1 => MAX_BODY as u32 + MAX_PREFIX as u32,
            _ => MAX_BLOCK,
        };
        if raw > largest {
            return Err(BlockError::Size { objects, raw });
        }
        let can_be = match self.codec {
            RAW => stored == raw,
            ZSTD => stored < raw,
            code => return Err(BlockError::Codec { code }),
        };
        if can_be {
            Ok(())
        } else {
            Err(BlockError::Stored { stored, raw })
        }
    }

    pub(crate) fn check_ratio(self, limits: &Limits) -> Result<(), BlockError> {
        let Self { raw, stored, .. } = self;
        if u64::from(raw) > u64::from(stored) * u64::from(limits.ratio) {
            let limit = limits.ratio;
            return Err(BlockError::Ratio { stored, raw, limit });
        }
        Ok(())
    }
}

/// The end block: what all blocks come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) objects: u64,
    pub(crate) blocks: u64,
    pub(crate) raw: u64,
}

impl End {
    pub(crate) const LEN: usize = END_LEN - 32;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = END;
        let numbers = [self.objects, self.blocks, self.raw];
        for (out, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            out.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, PackError> {
        let mut fields = Fields(&bytes[8..]);
        let end = (|| {
            Some(Self {
                objects: fields.u64()?,
                blocks: fields.u64()?,
                raw: fields.u64()?,
            })
        })()
        .expect("32 bytes are an end");
        if end.to_bytes() == *bytes {
            Ok(end)
        } else {
            Err(PackError::Reserved { within: "end" })
        }
    }

    /// Checks that this is what came.
    pub(crate) fn check(self, found: Self) -> Result<(), PackError> {
        let all = [
            ("objects", self.objects, found.objects),
            ("blocks", self.blocks, found.blocks),
            ("bytes", self.raw, found.raw),
        ];
        match all.into_iter().find(|(_, said, found)| said != found) {
            Some((what, said, found)) => Err(PackError::Totals { what, said, found }),
            None => Ok(()),
        }
    }
}

/// Returns whether a block that begins with this byte is the end block.
pub(crate) const fn is_end(first: u8) -> bool {
    first == END
}
