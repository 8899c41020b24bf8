//! Logs of ref changes: what the commits that have left the journal did to refs.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::envelope::Envelope;
use crate::file::{self, FileError, FileResult, Sync, if_there};
use crate::frame::{self, Head, RefMove};
use crate::index::value_of;
use crate::reader::{Operation, ReflogEntry};
use crate::scan::FrameAt;
use crate::store::Layout;
use crate::{RefMoved, RefName};
use roar_pack::bytes::Fields;
use std::path::{Path, PathBuf};

static ENVELOPE: Envelope = Envelope::new(b"roarlog\n", "roar 2026 ref log v1");

/// What one commit did, beside bringing objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) sequence: u64,
    pub(crate) at_ns: i64,
    pub(crate) note: String,
    pub(crate) refs: Vec<RefMove>,
}

impl Commit {
    pub(crate) fn of(frame: &FrameAt, head: &Head<'_>) -> Self {
        Self {
            sequence: frame.header.sequence,
            at_ns: frame.header.at_ns,
            note: head.note.to_owned(),
            refs: head.refs().collect(),
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.at_ns.to_le_bytes());
        frame::encode_note(&self.note, bytes);
        bytes.extend_from_slice(&(self.refs.len() as u32).to_le_bytes());
        for change in &self.refs {
            frame::encode_ref(change, bytes);
        }
    }

    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let (sequence, at_ns) = (fields.u64()?, fields.i64()?);
        let note = frame::parse_note(fields).ok()?.to_owned();
        let refs = frame::parse_refs(fields, false).ok()?;
        Some(Self {
            sequence,
            at_ns,
            note,
            refs: frame::refs_in(refs).collect(),
        })
    }

    pub(crate) fn operation(&self) -> Operation {
        let moved = self.refs.iter().map(|change| RefMoved {
            name: change.name.clone(),
            old: value_of(change.expect),
            new: change.new,
        });
        Operation {
            sequence: self.sequence,
            at_ns: self.at_ns,
            note: self.note.clone(),
            refs: moved.collect(),
        }
    }

    /// Returns what it did to one ref.
    pub(crate) fn entry(&self, name: &RefName) -> Option<ReflogEntry> {
        let change = self.refs.iter().find(|change| change.name == *name)?;
        Some(ReflogEntry {
            sequence: self.sequence,
            at_ns: self.at_ns,
            old: value_of(change.expect),
            new: change.new,
            note: self.note.clone(),
        })
    }
}

/// What the commits of one sealing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefLog {
    /// Counts from 1.
    pub(crate) number: u32,
    /// The commit before the first.
    pub(crate) after: u64,
    /// The last commit, where it was in the journal.
    pub(crate) checkpoint: Checkpoint,
    /// The commits, ascending; one at least.
    pub(crate) commits: Vec<Commit>,
}

impl RefLog {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = ENVELOPE.begin();
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.after.to_le_bytes());
        bytes.extend_from_slice(&self.checkpoint.encode());
        bytes.extend_from_slice(&(self.commits.len() as u32).to_le_bytes());
        for commit in &self.commits {
            commit.encode(&mut bytes);
        }
        ENVELOPE.close(bytes)
    }

    /// Reads a log; returns nothing if the bytes are anything else than one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = ENVELOPE.open(bytes)?;
        let log = Self {
            number: fields.u32()?,
            after: fields.u64()?,
            checkpoint: Checkpoint::parse(&mut fields)?,
            commits: parse_commits(&mut fields)?,
        };
        (fields.is_empty() && log.is_in_order()).then_some(log)
    }

    fn is_in_order(&self) -> bool {
        let sequences = self.commits.iter().map(|commit| commit.sequence);
        let all: Vec<_> = std::iter::once(self.after).chain(sequences).collect();
        let is_last = all.last() == Some(&self.checkpoint.sequence);
        is_last && all.len() > 1 && all.is_sorted_by(|one, next| one < next)
    }

    /// Reads the log of that number, if it is there and right.
    pub(crate) fn read(layout: &Layout, number: u32) -> FileResult<Option<Self>> {
        let bytes = file::read_if_there(&path(&layout.ref_logs(), number))?;
        let log = bytes.and_then(|bytes| Self::decode(&bytes));
        Ok(log.filter(|log| log.number == number))
    }

    /// Puts the log on the disk.
    pub(crate) fn write(&self, layout: &Layout) -> FileResult<()> {
        let dir = layout.ref_logs();
        file::make_lasting_dir(&dir)?;
        file::replace(&path(&dir, self.number), &self.encode(), Sync::Yes)
    }
}

/// A log of ref changes that is damaged or missing: what commits did that it told of is not known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostLog {
    /// Its number; the first log is 1.
    pub number: u32,
}

impl std::fmt::Display for LostLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.number;
        write!(f, "log {number} of ref changes is damaged or missing")
    }
}

/// Returns the first of the logs before the journal that is not there, not right, or not what `base` says
/// came of it.
pub(crate) fn first_lost(layout: &Layout, base: &Base) -> FileResult<Option<LostLog>> {
    let mut told = Base::NONE;
    for number in 1..=base.logs {
        match RefLog::read(layout, number)? {
            Some(log) if log.after == told.checkpoint.sequence => told.take_in(&log),
            _ => return Ok(Some(LostLog { number })),
        }
    }
    let is_same = (told.checkpoint, &told.refs) == (base.checkpoint, &base.refs);
    let number = base.logs;
    Ok((!is_same).then_some(LostLog { number }))
}

fn parse_commits(fields: &mut Fields<'_>) -> Option<Vec<Commit>> {
    let count = fields.u32()?;
    (0..count).map(|_| Commit::parse(fields)).collect()
}

/// Returns the file of a log.
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.rl"))
}

/// Returns the highest number of a log in a directory; 0 if there is none.
pub(crate) fn highest(dir: &Path) -> FileResult<u32> {
    let read = || -> std::io::Result<u32> {
        let mut highest = 0;
        for entry in if_there(std::fs::read_dir(dir))?.into_iter().flatten() {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".rl"));
            let number = digits.and_then(|digits| digits.parse().ok());
            highest = highest.max(number.unwrap_or(0));
        }
        Ok(highest)
    };
    read().map_err(FileError::at("read", dir))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::Expect;
    use roar_object::ObjectId;

    fn example() -> RefLog {
        let change = RefMove {
            name: RefName::new("a").unwrap(),
            expect: Expect::Absent,
            new: Some(ObjectId::from_bytes([1; 32])),
        };
        let commit = |sequence, note: &str, refs| Commit {
            sequence,
            at_ns: 5,
            note: note.into(),
            refs,
        };
        RefLog {
            number: 2,
            after: 3,
            checkpoint: Checkpoint {
                sequence: 6,
                segment: 4,
                start: 32,
                end: 100,
                checksum: [7; 32],
            },
            commits: vec![commit(4, "set", vec![change]), commit(6, "", Vec::new())],
        }
    }

    #[test]
    fn logs_never_change() {
        let mut expected = b"roarlog\n\x02\0\0\0\x03\0\0\0\0\0\0\0".to_vec();
        expected.extend_from_slice(b"\x06\0\0\0\0\0\0\0\x04\0\0\0");
        expected.extend_from_slice(b"\x20\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0");
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(b"\x02\0\0\0");
        expected.extend_from_slice(b"\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x03\0set\x01\0\0\0");
        expected.extend_from_slice(b"\x01a\0\x01");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(b"\x06\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let bytes = example().encode();
        assert_eq!(bytes[..bytes.len() - 32], expected);
        assert_eq!(RefLog::decode(&bytes), Some(example()));
    }

    #[test]
    fn every_byte_of_a_log_is_checked() {
        let bytes = example().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(RefLog::decode(&changed), None, "byte {at}");
            assert_eq!(RefLog::decode(&bytes[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn commits_out_of_order_are_no_log() {
        let mut log = example();
        log.after = 4;
        assert_eq!(RefLog::decode(&log.encode()), None);
        let mut log = example();
        log.checkpoint.sequence = 7;
        assert_eq!(RefLog::decode(&log.encode()), None);
        let mut log = example();
        log.commits.clear();
        log.checkpoint.sequence = log.after;
        assert_eq!(RefLog::decode(&log.encode()), None);
    }
}
