//! The writers' index: what sled holds, derived from the journal frame by frame.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::frame::{Entry, Head, RefMove, encode_value};
use crate::reader::ReflogEntry;
use crate::scan::FrameAt;
use crate::sled_fence::{self, SledError, fenced};
use crate::{Expect, RefName};
use roar_object::{Kind, ObjectId};
use roar_pack::bytes::Fields;
use std::collections::BTreeSet;
use std::path::Path;

/// Longest body that is held itself; of longer ones, the place in the journal is.
const INLINE: usize = 4 << 10;
/// Most bytes that go to sled at once.
const BATCH: usize = 512 << 10;

const APPLIED: &[u8] = b"mapplied";
const FORMAT: &[u8] = b"mformat";
const BASE: &[u8] = b"mbase";
const VERSION: &[u8] = b"1";

/// Where the index says that an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Here.
    Inline(Kind, Vec<u8>),
    /// In the journal.
    At {
        kind: Kind,
        segment: u32,
        offset: u64,
        len: u32,
    },
}

impl Held {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Inline(kind, body) => [&[0, kind.code()][..], body].concat(),
            Self::At {
                kind,
                segment,
                offset,
                len,
            } => [
                &[1, kind.code()][..],
                &segment.to_le_bytes(),
                &offset.to_le_bytes(),
                &len.to_le_bytes(),
            ]
            .concat(),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (form, kind) = (fields.u8()?, Kind::from_code(fields.u8()?)?);
        if form == 0 {
            return Some(Self::Inline(kind, fields.0.to_vec()));
        }
        let (segment, offset, len) = (fields.u32()?, fields.u64()?, fields.u32()?);
        let right = form == 1 && fields.is_empty();
        right.then_some(Self::At {
            kind,
            segment,
            offset,
            len,
        })
    }
}

/// The index, open. Its owner holds the store's lock.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    db: sled::Db,
}

impl Index {
    /// Opens the index in `dir`, or makes an empty one.
    pub(crate) fn open(dir: &Path) -> Result<Self, SledError> {
        let index = Self {
            db: sled_fence::open(dir)?,
        };
        match index.get(FORMAT)? {
            Some(version) if version == VERSION => {}
            Some(_) => return Err(SledError::Contradiction("that it is of another version")),
            None => index.claim()?,
        }
        Ok(index)
    }

    fn claim(&self) -> Result<(), SledError> {
        fenced(|| self.db.insert(FORMAT, VERSION)).map(drop)
    }

    /// Makes sure that the index is of the journal that begins at this base; an empty one is begun there.
    pub(crate) fn begin(&self, base: &Base) -> Result<(), SledError> {
        match self.base()? {
            None if self.applied()? == Checkpoint::ZERO => self.start(base),
            after if after.unwrap_or(0) == base.checkpoint.sequence => Ok(()),
            _ => Err(SledError::Outdated),
        }
    }

    /// Returns after which commit the journal begins that this is an index of. Where it does not say, it
    /// was filled before there were bases.
    fn base(&self) -> Result<Option<u64>, SledError> {
        let Some(bytes) = self.get(BASE)? else {
            return Ok(None);
        };
        let mut fields = Fields(&bytes);
        let sequence = fields.u64().filter(|_| fields.is_empty());
        sequence.map(Some).ok_or(SledError::Contradiction(
            "where it begins in a way that makes no sense",
        ))
    }

    /// Puts the refs of a base in. The mark that it is done comes last.
    fn start(&self, base: &Base) -> Result<(), SledError> {
        let mut batch = Batch::new(&self.db);
        for (name, id) in &base.refs {
            batch.insert(ref_key(name), id.as_bytes().to_vec())?;
        }
        if base.checkpoint != Checkpoint::ZERO {
            batch.insert(APPLIED.to_vec(), base.checkpoint.encode().to_vec())?;
        }
        let sequence = base.checkpoint.sequence.to_le_bytes();
        batch.insert(BASE.to_vec(), sequence.to_vec())?;
        batch.apply()
    }

    /// Returns the last frame that was applied.
    pub(crate) fn applied(&self) -> Result<Checkpoint, SledError> {
        let Some(bytes) = self.get(APPLIED)? else {
            return Ok(Checkpoint::ZERO);
        };
        let mut fields = Fields(&bytes);
        let checkpoint = Checkpoint::parse(&mut fields).filter(|_| fields.is_empty());
        checkpoint.ok_or(SledError::Contradiction(
            "where it ends in a way that makes no sense",
        ))
    }

    /// Applies one frame whose bodies `body` returns, and notes that it did.
    pub(crate) fn apply(
        &self,
        frame: &FrameAt,
        head: &Head<'_>,
        mut body: impl FnMut(&Entry, u64) -> Result<Vec<u8>, SledError>,
    ) -> Result<(), SledError> {
        let mut batch = Batch::new(&self.db);
        for (entry, at) in head.entries() {
            let held = if entry.len as usize <= INLINE {
                Held::Inline(entry.kind, body(&entry, at)?)
            } else {
                let (kind, segment, len) = (entry.kind, frame.segment, entry.len);
                Held::At {
                    kind,
                    segment,
                    offset: frame.bodies() + at,
                    len,
                }
            };
            batch.insert(object_key(entry.id), held.encode())?;
        }
        for change in head.refs() {
            batch.ref_change(&change, frame, head.note)?;
        }
        let checkpoint = crate::journal::checkpoint_of(frame);
        batch.insert(APPLIED.to_vec(), checkpoint.encode().to_vec())?;
        batch.apply()
    }

    /// Hands what was applied to the system.
    pub(crate) fn flush(&self) -> Result<(), SledError> {
        fenced(|| self.db.flush()).map(drop)
    }

    /// Returns where an object is.
    pub(crate) fn object(&self, id: ObjectId) -> Result<Option<Held>, SledError> {
        let Some(bytes) = self.get(&object_key(id))? else {
            return Ok(None);
        };
        let held = Held::decode(&bytes);
        held.map(Some).ok_or(SledError::Contradiction(
            "something unreadable of an object",
        ))
    }

    /// Returns whether an object is there.
    pub(crate) fn has(&self, id: ObjectId) -> Result<bool, SledError> {
        fenced(|| self.db.contains_key(object_key(id)))
    }

    /// Returns what a ref names.
    pub(crate) fn reference(&self, name: &RefName) -> Result<Option<ObjectId>, SledError> {
        let Some(bytes) = self.get(&ref_key(name))? else {
            return Ok(None);
        };
        let id = Fields(&bytes).id().filter(|_| bytes.len() == ObjectId::LEN);
        id.map(Some)
            .ok_or(SledError::Contradiction("something unreadable of a ref"))
    }

    /// Returns how often a ref changed, oldest change first.
    pub(crate) fn reflog(&self, name: &RefName) -> Result<Vec<ReflogEntry>, SledError> {
        let prefix = log_prefix(name);
        let pairs = fenced(|| {
            self.db
                .scan_prefix(&prefix)
                .collect::<sled::Result<Vec<_>>>()
        })?;
        let entries = pairs
            .iter()
            .map(|(key, value)| parse_log(&key[prefix.len()..], value));
        let entries: Option<Vec<_>> = entries.collect();
        entries.ok_or(SledError::Contradiction("something unreadable of a reflog"))
    }

    /// Returns what one commit did to a ref.
    pub(crate) fn logged(
        &self,
        name: &RefName,
        sequence: u64,
    ) -> Result<Option<ReflogEntry>, SledError> {
        let key = log_key(name, sequence);
        let value = self.get(&key)?;
        Ok(value.and_then(|value| parse_log(&key[log_prefix(name).len()..], &value)))
    }

    /// Returns the refs that ever changed; deleted ones too.
    pub(crate) fn logged_names(&self) -> Result<BTreeSet<RefName>, SledError> {
        let keys = fenced(|| {
            let pairs = self.db.scan_prefix(b"l");
            pairs.keys().collect::<sled::Result<Vec<_>>>()
        })?;
        Ok(keys.iter().filter_map(|key| logged_name(key)).collect())
    }

    /// Visits every object and ref that the index holds.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(Row)) -> Result<(), SledError> {
        fenced(|| {
            for pair in self.db.iter() {
                let (key, value) = pair?;
                visit(Row::parse(&key, &value));
            }
            Ok(())
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SledError> {
        fenced(|| self.db.get(key)).map(|found| found.map(|value| value.to_vec()))
    }
}

/// One row of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Object(ObjectId, Held),
    Ref(RefName, ObjectId),
    /// Reflog entries and marks.
    Other,
    /// Not what this version writes.
    Unreadable,
}

impl Row {
    fn parse(key: &[u8], value: &[u8]) -> Self {
        let row = match key.split_first() {
            Some((b'o', id)) => Fields(id)
                .id()
                .and_then(|id| Some(Self::Object(id, Held::decode(value)?))),
            Some((b'r', name)) => std::str::from_utf8(name)
                .ok()
                .and_then(|name| RefName::new(name).ok())
                .and_then(|name| Some(Self::Ref(name, Fields(value).id()?))),
            Some((b'l' | b'm', _)) => Some(Self::Other),
            _ => None,
        };
        row.unwrap_or(Self::Unreadable)
    }
}

fn object_key(id: ObjectId) -> Vec<u8> {
    [b"o", &id.as_bytes()[..]].concat()
}

fn ref_key(name: &RefName) -> Vec<u8> {
    [b"r", name.as_str().as_bytes()].concat()
}

fn log_prefix(name: &RefName) -> Vec<u8> {
    [b"l", name.as_str().as_bytes(), &[0]].concat()
}

fn log_key(name: &RefName, sequence: u64) -> Vec<u8> {
    [&log_prefix(name)[..], &sequence.to_be_bytes()].concat()
}

/// Returns the ref in the key of a reflog entry.
fn logged_name(key: &[u8]) -> Option<RefName> {
    let (name, _sequence) = key.strip_prefix(b"l")?.split_last_chunk::<8>()?;
    let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
    RefName::new(name).ok()
}

fn parse_log(key: &[u8], value: &[u8]) -> Option<ReflogEntry> {
    let mut fields = Fields(value);
    Some(ReflogEntry {
        sequence: u64::from_be_bytes(key.try_into().ok()?),
        at_ns: fields.i64()?,
        old: parse_value(&mut fields)?,
        new: parse_value(&mut fields)?,
        note: std::str::from_utf8(fields.0).ok()?.to_owned(),
    })
}

fn parse_value(fields: &mut Fields<'_>) -> Option<Option<ObjectId>> {
    match fields.u8()? {
        0 => Some(None),
        1 => fields.id().map(Some),
        _ => None,
    }
}

/// Rows on their way to sled, in pieces that it digests.
struct Batch<'d> {
    db: &'d sled::Db,
    rows: sled::Batch,
    bytes: usize,
}

impl<'d> Batch<'d> {
    fn new(db: &'d sled::Db) -> Self {
        Self {
            db,
            rows: sled::Batch::default(),
            bytes: 0,
        }
    }

    fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), SledError> {
        self.make_room(key.len() + value.len())?;
        self.rows.insert(key, value);
        Ok(())
    }

    fn ref_change(&mut self, change: &RefMove, at: &FrameAt, note: &str) -> Result<(), SledError> {
        match change.new {
            Some(id) => self.insert(ref_key(&change.name), id.as_bytes().to_vec())?,
            None => self.rows.remove(ref_key(&change.name)),
        }
        let mut entry = at.header.at_ns.to_le_bytes().to_vec();
        encode_value(value_of(change.expect), &mut entry);
        encode_value(change.new, &mut entry);
        // sled must not be given long values; the journal has the whole note.
        entry.extend_from_slice(&note.as_bytes()[..note.floor_char_boundary(INLINE / 2)]);
        self.insert(log_key(&change.name, at.header.sequence), entry)
    }

    fn make_room(&mut self, bytes: usize) -> Result<(), SledError> {
        if self.bytes + bytes > BATCH {
            let rows = std::mem::take(&mut self.rows);
            fenced(|| self.db.apply_batch(rows))?;
            self.bytes = 0;
        }
        self.bytes += bytes;
        Ok(())
    }

    fn apply(self) -> Result<(), SledError> {
        fenced(|| self.db.apply_batch(self.rows))
    }
}

/// Returns the value that a ref had before a change in the journal.
pub(crate) fn value_of(before: Expect) -> Option<ObjectId> {
    match before {
        Expect::Is(id) => Some(id),
        Expect::Absent | Expect::Any => None,
    }
}
