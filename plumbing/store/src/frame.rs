//! Frames: one commit as bytes. `docs/format/store.md` draws them.

mod refs;

use refs::refuse_twice;
pub(crate) use refs::{
    RefMove, encode_note, encode_ref, encode_value, parse_note, parse_refs, refs_in,
};

use crate::{RefChange, RefName, Transaction};
use roar_object::{Kind, MAX_BODY, Object, ObjectId};
use roar_pack::bytes::{Context, Fields};
use std::collections::HashSet;

static CHECKSUMS: Context = Context::new("roar 2026 journal frame v1");

/// How a frame begins.
pub(crate) const MAGIC: [u8; 8] = *b"\xf0roarfr\n";
/// Bytes before the head.
pub(crate) const HEADER: usize = 68;
/// Bytes of the header that the checksum covers.
const CHECKED: usize = 36;
/// Longest head that is taken.
const MAX_HEAD: usize = 64 << 20;
/// Bytes of one object in the head.
const ENTRY: usize = 37;

/// Why something cannot be written as a frame, or bytes are not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes end too early, or go on too long.
    #[error("a transaction has another length than it says")]
    Length,
    /// The bytes were changed.
    #[error("a transaction does not have the checksum that it says")]
    Checksum,
    /// Right checksum, but not what this version writes.
    #[error("a transaction is malformed: {0}")]
    Malformed(&'static str),
    /// One ref is changed twice.
    #[error("ref '{0}' is changed twice in one transaction")]
    Twice(RefName),
    /// The bytes of an object have another name.
    #[error("object '{0}' is not what its name says")]
    NotGenuine(ObjectId),
    /// More than a frame can hold.
    #[error("a transaction is too large: {0}")]
    TooLarge(&'static str),
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: u64,
    pub(crate) at_ns: i64,
    pub(crate) head_len: usize,
    pub(crate) bodies_len: u64,
    pub(crate) checksum: [u8; 32],
}

impl Header {
    /// Reads the fixed part; says nothing about the checksum.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.array::<8>()? != MAGIC {
            return None;
        }
        let header = Self {
            sequence: fields.u64()?,
            at_ns: fields.i64()?,
            head_len: fields.u32()? as usize,
            bodies_len: fields.u64()?,
            checksum: fields.array()?,
        };
        (header.head_len <= MAX_HEAD).then_some(header)
    }

    /// Returns the bytes of the whole frame, if that is a number.
    pub(crate) fn frame_len(&self) -> Option<u64> {
        ((HEADER + self.head_len) as u64).checked_add(self.bodies_len)
    }

    /// Returns whether the checksum is that of the frame's first bytes, header and head.
    pub(crate) fn vouches_for(&self, front: &[u8]) -> bool {
        front.len() == HEADER + self.head_len
            && CHECKSUMS.checksum(&[&front[..CHECKED], &front[HEADER..]]) == self.checksum
    }
}

/// One object as the head lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) len: u32,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (id, kind, len) = (fields.id()?, fields.u8()?, fields.u32()?);
        let kind = Kind::from_code(kind)?;
        (len as usize <= MAX_BODY).then_some(Self { id, kind, len })
    }
}

/// The list of what a frame holds: checked, and read out when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) note: &'a str,
    refs: &'a [u8],
    entries: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads the head of a frame with this header, whose checksum was right.
    pub(crate) fn parse(header: &Header, bytes: &'a [u8]) -> Result<Self, FrameError> {
        let mut fields = Fields(bytes);
        let note = parse_note(&mut fields)?;
        let refs = parse_refs(&mut fields, header.sequence == 0)?;
        let count = fields.u32().ok_or(FrameError::Length)? as usize;
        if fields.0.len() != count.saturating_mul(ENTRY) {
            return Err(FrameError::Length);
        }
        let head = Self {
            note,
            refs,
            entries: fields.0,
        };
        head.check_entries(header.bodies_len)?;
        Ok(head)
    }

    fn check_entries(&self, bodies_len: u64) -> Result<(), FrameError> {
        let mut sum = 0;
        for bytes in self.entries.chunks_exact(ENTRY) {
            let entry = Entry::parse(bytes).ok_or(FrameError::Malformed("an object"))?;
            sum += u64::from(entry.len);
        }
        if sum == bodies_len {
            Ok(())
        } else {
            Err(FrameError::Length)
        }
    }

    /// Returns the ref changes.
    pub(crate) fn refs(&self) -> impl Iterator<Item = RefMove> + 'a {
        refs_in(self.refs)
    }

    /// Returns the objects, each with the offset of its body from the first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Entry, u64)> + 'a {
        let entries = self.entries.chunks_exact(ENTRY).filter_map(Entry::parse);
        entries.scan(0, |next, entry| {
            let at = *next;
            *next += u64::from(entry.len);
            Some((entry, at))
        })
    }

    /// Returns how many objects there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len() / ENTRY
    }
}

/// Returns the objects without those that come a second time.
pub(crate) fn distinct(objects: &[Object]) -> Vec<&Object> {
    let mut seen = HashSet::new();
    objects
        .iter()
        .filter(|object| seen.insert(object.id()))
        .collect()
}

/// Writes a frame. The objects are distinct.
pub(crate) fn encode(
    sequence: u64,
    at_ns: i64,
    note: &str,
    refs: &[RefMove],
    objects: &[&Object],
) -> Result<Vec<u8>, FrameError> {
    refuse_twice(refs)?;
    let head = encode_head(note, refs, objects)?;
    let bodies_len: u64 = objects
        .iter()
        .map(|object| object.body().len() as u64)
        .sum();
    let head_len = u32::try_from(head.len())
        .ok()
        .filter(|&len| len as usize <= MAX_HEAD);
    let head_len = head_len.ok_or(FrameError::TooLarge("it has too many objects"))?;
    let mut frame = Vec::with_capacity(HEADER + head.len() + bodies_len as usize);
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&sequence.to_le_bytes());
    frame.extend_from_slice(&at_ns.to_le_bytes());
    frame.extend_from_slice(&head_len.to_le_bytes());
    frame.extend_from_slice(&bodies_len.to_le_bytes());
    let checksum = CHECKSUMS.checksum(&[&frame, &head]);
    frame.extend_from_slice(&checksum);
    frame.extend_from_slice(&head);
    for object in objects {
        frame.extend_from_slice(object.body());
    }
    Ok(frame)
}

fn encode_head(note: &str, refs: &[RefMove], objects: &[&Object]) -> Result<Vec<u8>, FrameError> {
    let mut head = Vec::new();
    encode_note(note, &mut head);
    head.extend_from_slice(&count(refs.len())?);
    for change in refs {
        encode_ref(change, &mut head);
    }
    head.extend_from_slice(&count(objects.len())?);
    for object in objects {
        encode_entry(object, &mut head)?;
    }
    Ok(head)
}

fn count(len: usize) -> Result<[u8; 4], FrameError> {
    let len = u32::try_from(len).map_err(|_| FrameError::TooLarge("it has too many parts"))?;
    Ok(len.to_le_bytes())
}

fn encode_entry(object: &Object, head: &mut Vec<u8>) -> Result<(), FrameError> {
    if object.body().len() > MAX_BODY {
        return Err(FrameError::TooLarge("an object has more bytes than it may"));
    }
    if !object.is_genuine() {
        return Err(FrameError::NotGenuine(object.id()));
    }
    head.extend_from_slice(object.id().as_bytes());
    head.push(object.kind().code());
    head.extend_from_slice(&count(object.body().len())?);
    Ok(())
}

/// Reads a frame that is not in the journal.
pub(crate) fn decode_transaction(bytes: &[u8]) -> Result<Transaction, FrameError> {
    let header = Header::parse(bytes).ok_or(FrameError::Malformed("no transaction"))?;
    if header.frame_len() != Some(bytes.len() as u64) {
        return Err(FrameError::Length);
    }
    let (front, bodies) = bytes.split_at(HEADER + header.head_len);
    if !header.vouches_for(front) {
        return Err(FrameError::Checksum);
    }
    if header.sequence != 0 {
        return Err(FrameError::Malformed("it is in a journal"));
    }
    let head = Head::parse(&header, &front[HEADER..])?;
    let objects = decode_objects(&head, bodies)?;
    Ok(Transaction {
        objects,
        refs: head.refs().map(RefChange::from).collect(),
        note: head.note.to_owned(),
        at_ns: header.at_ns,
    })
}

fn decode_objects(head: &Head<'_>, bodies: &[u8]) -> Result<Vec<Object>, FrameError> {
    let mut fields = Fields(bodies);
    let mut objects = Vec::with_capacity(head.count());
    let mut seen = HashSet::new();
    for (entry, _) in head.entries() {
        let body = fields.take(entry.len as usize).ok_or(FrameError::Length)?;
        let object = Object::from_parts(entry.id, entry.kind, body.to_vec());
        if !object.is_genuine() {
            return Err(FrameError::NotGenuine(entry.id));
        }
        if !seen.insert(entry.id) {
            return Err(FrameError::Malformed("an object comes twice"));
        }
        objects.push(object);
    }
    Ok(objects)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests;
