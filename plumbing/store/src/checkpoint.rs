//! Checkpoints: how what is derived from the journal says up to where.

use crate::base::Base;
use crate::file::{self, FileError, FileResult, read_exactly};
use crate::{frame, segment};
use roar_pack::bytes::Fields;
use std::path::Path;

/// One frame of the journal, named so that another frame cannot pass for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) sequence: u64,
    pub(crate) segment: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) checksum: [u8; 32],
}

impl Checkpoint {
    /// Bytes that it is written in.
    pub(crate) const LEN: usize = 60;

    /// Before the first frame.
    pub(crate) const ZERO: Self = Self {
        sequence: 0,
        segment: 0,
        start: 0,
        end: 0,
        checksum: [0; 32],
    };

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.segment.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.start.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.end.to_le_bytes());
        bytes[28..].copy_from_slice(&self.checksum);
        bytes
    }

    pub(crate) fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let checkpoint = Self {
            sequence: fields.u64()?,
            segment: fields.u32()?,
            start: fields.u64()?,
            end: fields.u64()?,
            checksum: fields.array()?,
        };
        let ordered = checkpoint.start < checkpoint.end;
        (checkpoint == Self::ZERO || (checkpoint.sequence > 0 && ordered)).then_some(checkpoint)
    }

    /// Returns whether the journal begins after that frame, or has it there with a head that is right.
    pub(crate) fn is_in(&self, journal: &Path, base: &Base) -> FileResult<bool> {
        if self.sequence <= base.checkpoint.sequence {
            return Ok(*self == base.checkpoint);
        }
        let path = segment::path(journal, self.segment);
        let read = || -> std::io::Result<bool> {
            let Some(file) = file::open_if_file(&path)? else {
                return Ok(false);
            };
            let len = file.metadata()?.len();
            let header = read_exactly(&file, self.start, frame::HEADER)?;
            let header = header.and_then(|bytes| frame::Header::parse(&bytes));
            let Some(header) = header.filter(|header| self.end <= len && self.fits(header)) else {
                return Ok(false);
            };
            let front = read_exactly(&file, self.start, frame::HEADER + header.head_len)?;
            Ok(front.is_some_and(|front| header.vouches_for(&front)))
        };
        read().map_err(FileError::at("read", &path))
    }

    fn fits(&self, header: &frame::Header) -> bool {
        header.sequence == self.sequence
            && header.checksum == self.checksum
            && header.frame_len() == Some(self.end - self.start)
    }
}
