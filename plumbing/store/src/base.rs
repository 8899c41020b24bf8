//! Where the journal begins: what came before has been sealed, its objects in packs and its ref changes
//! in logs.

use crate::RefName;
use crate::checkpoint::Checkpoint;
use crate::envelope::Envelope;
use crate::file::{self, FileError, FileResult, Sync};
use crate::packs;
use crate::ref_log::{self, RefLog};
use crate::segment;
use crate::snapshot::{Refs, Snapshot, encode_refs, parse_refs};
use crate::store::Layout;
use roar_object::ObjectId;
use roar_pack::PackName;
use roar_pack::bytes::Fields;

static ENVELOPE: Envelope = Envelope::new(b"roarbas\n", "roar 2026 store base v1");

/// Bytes that differ between any two bases of a store.
const STAMP: usize = 16;

/// What the `base` file says; where there is none, that the journal begins at the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// One more with every base that is written.
    pub(crate) generation: u64,
    /// The last commit that has left the journal.
    pub(crate) checkpoint: Checkpoint,
    /// How many logs there are; they are numbered from 1.
    pub(crate) logs: u32,
    /// The packs that the store cannot do without, ascending.
    pub(crate) packs: Vec<PackName>,
    /// What every ref named after that commit.
    pub(crate) refs: Refs,
}

/// A base, and how it was come by.
#[derive(Clone, Debug)]
pub(crate) struct FoundBase {
    pub(crate) base: Base,
    pub(crate) source: Source,
}

/// How a base was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// There is none, and nothing that says that there was one.
    Nothing,
    /// From its file.
    File,
    /// The file is missing or not right, so it was made of the logs: somebody was killed before it was
    /// first written, or it was lost.
    Logs,
    /// As [`Source::Logs`], where some of the logs are lost too.
    SomeLogs,
}

/// Marks the number of a base that was found again: whoever compares it with one that was read before must
/// see that it is another.
const FOUND_AGAIN: u64 = 1 << 48;

/// The first bytes of the file: two readings between which they are the same are of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<[u8; STAMP]>);

impl Stamp {
    pub(crate) fn read(layout: &Layout) -> FileResult<Self> {
        let path = layout.base();
        let read = || -> std::io::Result<Option<[u8; STAMP]>> {
            let Some(file) = file::open_if_file(&path)? else {
                return Ok(None);
            };
            let bytes = file::read_exactly(&file, 0, STAMP)?;
            Ok(bytes.and_then(|bytes| Fields(&bytes).array()))
        };
        read().map(Self).map_err(FileError::at("read", &path))
    }
}

impl Base {
    /// Before anything was sealed.
    pub(crate) const NONE: Self = Self {
        generation: 0,
        checkpoint: Checkpoint::ZERO,
        logs: 0,
        packs: Vec::new(),
        refs: Refs::new(),
    };

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = ENVELOPE.begin();
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.checkpoint.encode());
        bytes.extend_from_slice(&self.logs.to_le_bytes());
        bytes.extend_from_slice(&(self.packs.len() as u32).to_le_bytes());
        for pack in &self.packs {
            bytes.extend_from_slice(pack.as_bytes());
        }
        encode_refs(&self.refs, &mut bytes);
        ENVELOPE.close(bytes)
    }

    /// Reads a base; returns nothing if the bytes are anything else than one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = ENVELOPE.open(bytes)?;
        let base = Self {
            generation: fields.u64()?,
            checkpoint: Checkpoint::parse(&mut fields)?,
            logs: fields.u32()?,
            packs: parse_packs(&mut fields)?,
            refs: parse_refs(&mut fields)?,
        };
        (fields.is_empty() && base.generation > 0).then_some(base)
    }

    /// Reads the base of a store, from its file or, if that is not right, from the logs.
    pub(crate) fn find(layout: &Layout) -> FileResult<FoundBase> {
        let bytes = file::read_if_there(&layout.base())?;
        let is_there = bytes.is_some();
        if let Some(base) = bytes.and_then(|bytes| Self::decode(&bytes)) {
            let source = Source::File;
            return Ok(FoundBase { base, source });
        }
        let mut base = Self::of_logs(layout)?;
        let highest = ref_log::highest(&layout.ref_logs())?;
        let source = match base.logs {
            0 if highest == 0 && !is_there => Source::Nothing,
            logs if logs == highest && highest > 0 => Source::Logs,
            _ => Source::SomeLogs,
        };
        if source == Source::SomeLogs {
            base.logs = highest;
            base.trust_refs(layout)?;
        }
        Ok(FoundBase { base, source })
    }

    /// As [`Base::find`], whatever it is made of.
    pub(crate) fn read(layout: &Layout) -> FileResult<Self> {
        Ok(Self::find(layout)?.base)
    }

    /// Makes a base of the logs, as far as they follow one another. A log is there before what it tells
    /// of leaves the journal, and the pack with the objects was there before it.
    fn of_logs(layout: &Layout) -> FileResult<Self> {
        let mut base = Self::NONE;
        while let Some(log) = RefLog::read(layout, base.logs + 1)? {
            if log.after != base.checkpoint.sequence {
                break;
            }
            base.take_in(&log);
        }
        Ok(base)
    }

    /// As [`Base::read`], and writes down one that was made of all the logs. The caller holds the lock.
    pub(crate) fn settle(layout: &Layout) -> FileResult<Self> {
        let FoundBase { mut base, source } = Self::find(layout)?;
        if source == Source::Logs {
            base.write_again(layout)?;
        }
        Ok(base)
    }

    /// Writes down a base that was found without its file.
    pub(crate) fn write_again(&mut self, layout: &Layout) -> FileResult<()> {
        let packs = packs::list(&layout.packs())?;
        self.hold(packs.iter().map(|pack| pack.name));
        self.generation = FOUND_AGAIN | u64::from(self.logs);
        self.write(layout)
    }

    /// Goes on to what the `refs` file says, if that is newer than the logs and older than the journal.
    fn trust_refs(&mut self, layout: &Layout) -> FileResult<()> {
        let segments = segment::list(&layout.journal())?;
        let first = segments.first().map_or(0, |segment| segment.number);
        if let Some(newest) = Snapshot::load(&layout.refs())?
            && newest.checkpoint.sequence > self.checkpoint.sequence
            && newest.checkpoint.segment < first
        {
            self.checkpoint = newest.checkpoint;
            self.refs = newest.refs;
        }
        Ok(())
    }

    /// Goes on to what is so after the commits of a log.
    pub(crate) fn take_in(&mut self, log: &RefLog) {
        self.logs = log.number;
        self.checkpoint = log.checkpoint;
        for change in log.commits.iter().flat_map(|commit| &commit.refs) {
            set(&mut self.refs, &change.name, change.new);
        }
    }

    /// Adds packs to those that are needed.
    pub(crate) fn hold(&mut self, packs: impl IntoIterator<Item = PackName>) {
        self.packs.extend(packs);
        self.packs.sort_unstable();
        self.packs.dedup();
    }

    /// Puts the base on the disk, after which the journal begins where it says. The caller holds the
    /// store's lock.
    pub(crate) fn write(&self, layout: &Layout) -> FileResult<()> {
        file::replace(&layout.base(), &self.encode(), Sync::Yes)
    }

    /// Returns the first segment that counts.
    pub(crate) fn first_segment(&self) -> u32 {
        self.checkpoint.segment + 1
    }

    /// Reads the logs, as far as they can be read.
    pub(crate) fn each_log(
        &self,
        layout: &Layout,
        visit: &mut dyn FnMut(&RefLog),
    ) -> FileResult<()> {
        // A base that was tampered with may speak of any number.
        let highest = ref_log::highest(&layout.ref_logs())?;
        for number in 1..=self.logs.min(highest) {
            if let Some(log) = RefLog::read(layout, number)? {
                visit(&log);
            }
        }
        Ok(())
    }
}

fn set(refs: &mut Refs, name: &RefName, new: Option<ObjectId>) {
    match new {
        Some(id) => refs.insert(name.clone(), id),
        None => refs.remove(name),
    };
}

fn parse_packs(fields: &mut Fields<'_>) -> Option<Vec<PackName>> {
    let count = fields.u32()? as usize;
    let bytes = fields.take(count.checked_mul(PackName::LEN)?)?;
    let (names, _) = bytes.as_chunks::<{ PackName::LEN }>();
    let names: Vec<_> = names.iter().copied().map(PackName::from_bytes).collect();
    names.is_sorted_by(|one, next| one < next).then_some(names)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::Expect;
    use crate::frame::RefMove;
    use crate::ref_log::Commit;

    fn example() -> Base {
        let refs = [("a", 1), ("b/c", 2)]
            .map(|(name, id)| (RefName::new(name).unwrap(), ObjectId::from_bytes([id; 32])));
        Base {
            generation: 3,
            checkpoint: Checkpoint {
                sequence: 2,
                segment: 1,
                start: 32,
                end: 100,
                checksum: [7; 32],
            },
            logs: 1,
            packs: [8, 9].map(|byte| PackName::from_bytes([byte; 32])).into(),
            refs: refs.into(),
        }
    }

    #[test]
    fn bases_never_change() {
        let mut expected = b"roarbas\n\x03\0\0\0\0\0\0\0".to_vec();
        expected.extend_from_slice(b"\x02\0\0\0\0\0\0\0\x01\0\0\0");
        expected.extend_from_slice(b"\x20\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0");
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(b"\x01\0\0\0\x02\0\0\0");
        expected.extend_from_slice(&[8; 32]);
        expected.extend_from_slice(&[9; 32]);
        expected.extend_from_slice(b"\x02\0\0\0\x01a");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(b"\x03b/c");
        expected.extend_from_slice(&[2; 32]);
        let bytes = example().encode();
        assert_eq!(bytes[..bytes.len() - 32], expected);
        assert_eq!(Base::decode(&bytes), Some(example()));
    }

    #[test]
    fn every_byte_of_a_base_is_checked() {
        let bytes = example().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Base::decode(&changed), None, "byte {at}");
            assert_eq!(Base::decode(&bytes[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn packs_are_told_once_and_in_order() {
        let mut base = example();
        base.packs.reverse();
        assert_eq!(Base::decode(&base.encode()), None);
        base.packs = vec![base.packs[0]; 2];
        assert_eq!(Base::decode(&base.encode()), None);
    }

    /// The worked examples of `docs/format/store.md`.
    #[test]
    fn the_worked_examples_are_right() {
        let checkpoint = Checkpoint {
            sequence: 1,
            segment: 1,
            start: 32,
            end: 189,
            checksum: hex("2983161fc4d5a858a9f1e0584d4bab43944a8f9853e08ede6926f5c51d8409ef"),
        };
        let named = ObjectId::from_bytes(hex(
            "243b8c532781f0bf703b2b68960730f8229fb201cfc3bfd34dd008437ed058d2",
        ));
        let refs = vec![RefMove {
            name: RefName::new("a").unwrap(),
            expect: Expect::Absent,
            new: Some(named),
        }];
        let commit = Commit {
            sequence: 1,
            at_ns: 1,
            note: "init".into(),
            refs,
        };
        let log = RefLog {
            number: 1,
            after: 0,
            checkpoint,
            commits: vec![commit],
        };
        let mut base = Base {
            generation: 1,
            ..Base::NONE
        };
        base.take_in(&log);
        base.hold([PackName::from_bytes([0x11; 32])]);
        let told = "f0dd29876f79de4cc6924b4ace5ee5e793b571e5397ef68867f7c84d13fb693d";
        assert_eq!(log.encode().last_chunk(), Some(&hex(told)));
        let told = "6168ca9d38ef42308fa02b64771101abd085d4c0c2bdbd0abfea5d6f25104ff7";
        assert_eq!(base.encode().last_chunk(), Some(&hex(told)));
    }

    fn hex(digits: &str) -> [u8; 32] {
        *digits.parse::<ObjectId>().unwrap().as_bytes()
    }
}
