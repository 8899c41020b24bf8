//! Frames: one commit as bytes. `docs/format/store.md` draws them.

use crate::bytes::{Fields, context};
use crate::{Expect, RefChange, RefName, Transaction, name};
use roar_object::{Kind, MAX_BODY, Object, ObjectId};
use std::collections::HashSet;

context!(checksums, "roar 2026 journal frame v1");

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

/// A ref change as it stands in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefMove {
    pub(crate) name: RefName,
    /// What was there before; in the journal never [`Expect::Any`].
    pub(crate) expect: Expect,
    pub(crate) new: Option<ObjectId>,
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
            && checksums().checksum(&[&front[..CHECKED], &front[HEADER..]]) == self.checksum
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

/// Reads a note: its length and its text.
pub(crate) fn parse_note<'a>(fields: &mut Fields<'a>) -> Result<&'a str, FrameError> {
    let len = fields.u16().ok_or(FrameError::Length)?;
    let note = fields.take(usize::from(len)).ok_or(FrameError::Length)?;
    std::str::from_utf8(note).map_err(|_| FrameError::Malformed("the note"))
}

/// Returns the ref changes in bytes that [`parse_refs`] has checked.
pub(crate) fn refs_in<'a>(bytes: &'a [u8]) -> impl Iterator<Item = RefMove> + 'a {
    let mut fields = Fields(bytes);
    std::iter::from_fn(move || parse_ref(&mut fields).map(RawRef::owned))
}

/// Checks the ref changes, and returns the bytes that they take up.
pub(crate) fn parse_refs<'a>(
    fields: &mut Fields<'a>,
    is_transaction: bool,
) -> Result<&'a [u8], FrameError> {
    let count = fields.u32().ok_or(FrameError::Length)?;
    let all = fields.0;
    let mut names = Names::default();
    for _ in 0..count {
        let change = parse_ref(fields).ok_or(FrameError::Malformed("a ref"))?;
        if change.expect == Expect::Any && !is_transaction {
            return Err(FrameError::Malformed("a ref without its value before"));
        }
        if !names.insert(change.name) {
            return Err(FrameError::Twice(change.owned().name));
        }
    }
    Ok(&all[..all.len() - fields.0.len()])
}

/// Names that were met: nearly always one or two, for which a list is quicker than a set.
#[derive(Default)]
struct Names<'a> {
    few: Vec<&'a str>,
    many: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    const FEW: usize = 8;

    /// Returns whether the name is new.
    fn insert(&mut self, name: &'a str) -> bool {
        if self.few.len() < Self::FEW {
            let is_new = !self.few.contains(&name);
            self.few.push(name);
            return is_new;
        }
        !self.few.contains(&name) && self.many.insert(name)
    }
}

/// A ref change as it stands in the bytes.
struct RawRef<'a> {
    /// A legal name.
    name: &'a str,
    expect: Expect,
    new: Option<ObjectId>,
}

impl RawRef<'_> {
    fn owned(self) -> RefMove {
        let name = RefName::new(self.name).expect("the name was checked when it was read");
        RefMove {
            name,
            expect: self.expect,
            new: self.new,
        }
    }
}

fn parse_ref<'a>(fields: &mut Fields<'a>) -> Option<RawRef<'a>> {
    let len = fields.u8()?;
    let name = std::str::from_utf8(fields.take(usize::from(len))?).ok()?;
    let expect = match fields.u8()? {
        0 => Expect::Absent,
        1 => Expect::Is(fields.id()?),
        2 => Expect::Any,
        _ => return None,
    };
    let new = match fields.u8()? {
        0 => None,
        1 => Some(fields.id()?),
        _ => return None,
    };
    name::broken_rule(name)
        .is_none()
        .then_some(RawRef { name, expect, new })
}

fn refuse_twice(refs: &[RefMove]) -> Result<(), FrameError> {
    let mut seen = HashSet::new();
    match refs.iter().find(|change| !seen.insert(&change.name)) {
        Some(twice) => Err(FrameError::Twice(twice.name.clone())),
        None => Ok(()),
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
    let checksum = checksums().checksum(&[&frame, &head]);
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

/// Writes a note, as much of it as there is room for.
pub(crate) fn encode_note(note: &str, to: &mut Vec<u8>) {
    let note = &note.as_bytes()[..note.floor_char_boundary(usize::from(u16::MAX))];
    to.extend_from_slice(&(note.len() as u16).to_le_bytes());
    to.extend_from_slice(note);
}

pub(crate) fn encode_ref(change: &RefMove, head: &mut Vec<u8>) {
    let name = change.name.as_str().as_bytes();
    head.push(u8::try_from(name.len()).expect("a ref's name has at most 255 bytes"));
    head.extend_from_slice(name);
    match change.expect {
        Expect::Absent => head.push(0),
        Expect::Is(id) => encode_value(Some(id), head),
        Expect::Any => head.push(2),
    }
    encode_value(change.new, head);
}

/// Writes a value: absent, or an id.
pub(crate) fn encode_value(value: Option<ObjectId>, to: &mut Vec<u8>) {
    to.push(u8::from(value.is_some()));
    if let Some(id) = value {
        to.extend_from_slice(id.as_bytes());
    }
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

impl From<RefMove> for RefChange {
    fn from(change: RefMove) -> Self {
        Self {
            name: change.name,
            expect: change.expect,
            new: change.new,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The worked example of `docs/format/store.md`.
    fn example() -> Vec<u8> {
        let object = Object::from_body(Kind::Session, b"hi".to_vec());
        let name = RefName::new("a").unwrap();
        let change = RefMove {
            name,
            expect: Expect::Absent,
            new: Some(object.id()),
        };
        encode(1, 1, "init", &[change], &[&object]).unwrap()
    }

    #[test]
    fn frames_never_change() {
        let hex: String = example().iter().map(|byte| format!("{byte:02x}")).collect();
        let doc = include_str!("../../../docs/format/store.md");
        let drawn = doc
            .split("```text\n")
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let drawn: String = drawn
            .lines()
            .flat_map(|line| line[..48.min(line.len())].split(' '))
            .collect();
        assert_eq!(hex, drawn);
        assert_eq!(hex, GOLDEN);
    }

    const GOLDEN: &str = "f0726f617266720a010000000000000001000000000000005700000002000000000000002983161f\
        c4d5a858a9f1e0584d4bab43944a8f9853e08ede6926f5c51d8409ef0400696e6974010000000161\
        0001243b8c532781f0bf703b2b68960730f8229fb201cfc3bfd34dd008437ed058d201000000243b\
        8c532781f0bf703b2b68960730f8229fb201cfc3bfd34dd008437ed058d204020000006869";

    fn is_journal_frame(bytes: &[u8]) -> bool {
        let Some(header) = Header::parse(bytes) else {
            return false;
        };
        header.sequence > 0
            && header.frame_len() == Some(bytes.len() as u64)
            && header.vouches_for(&bytes[..HEADER + header.head_len])
            && Head::parse(&header, &bytes[HEADER..HEADER + header.head_len])
                .is_ok_and(|head| decode_objects(&head, &bytes[HEADER + header.head_len..]).is_ok())
    }

    #[test]
    fn every_byte_of_a_frame_is_checked() {
        let frame = example();
        assert!(is_journal_frame(&frame));
        for at in 0..frame.len() {
            let mut changed = frame.clone();
            changed[at] ^= 1;
            assert!(!is_journal_frame(&changed), "byte {at}");
        }
        for len in 0..frame.len() {
            assert!(!is_journal_frame(&frame[..len]), "{len} bytes");
        }
    }

    /// Gives a frame whose head was changed the checksum that fits.
    fn resealed(mut bytes: Vec<u8>, head_len: usize) -> Vec<u8> {
        bytes[24..28].copy_from_slice(&(head_len as u32).to_le_bytes());
        let sum = checksums().checksum(&[&bytes[..CHECKED], &bytes[HEADER..HEADER + head_len]]);
        bytes[CHECKED..HEADER].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn a_right_checksum_does_not_excuse_nonsense() {
        let transaction = Transaction {
            objects: vec![Object::from_body(Kind::Tree, b"x".to_vec())],
            refs: vec![RefChange {
                name: RefName::new("a").unwrap(),
                expect: Expect::Any,
                new: None,
            }],
            note: "n".to_owned(),
            at_ns: 0,
        };
        let bytes = transaction.to_bytes().unwrap();
        let head_len = bytes.len() - HEADER - 1;
        assert_eq!(resealed(bytes.clone(), head_len), bytes);
        // The note's text, the ref's name, its two tags, the object's kind and length.
        for (at, value) in [(2, 0xff), (8, b'/'), (9, 3), (10, 2), (47, 0), (48, 2)] {
            let mut changed = bytes.clone();
            changed[HEADER + at] = value;
            let changed = resealed(changed, head_len);
            assert!(Transaction::from_bytes(&changed).is_err(), "byte {at}");
        }
        let mut longer = bytes.clone();
        longer.insert(HEADER + head_len, 0);
        assert!(Transaction::from_bytes(&resealed(longer, head_len + 1)).is_err());
    }

    #[test]
    fn what_is_not_what_it_says_is_not_written() {
        let object = Object::from_parts(ObjectId::from_bytes([1; 32]), Kind::Tree, Vec::new());
        let forged = Transaction {
            objects: vec![object.clone()],
            ..Transaction::default()
        };
        assert_eq!(forged.to_bytes(), Err(FrameError::NotGenuine(object.id())));
        let name = RefName::new("a").unwrap();
        let change = RefChange {
            name: name.clone(),
            expect: Expect::Any,
            new: None,
        };
        let twice = Transaction {
            refs: vec![change.clone(), change],
            ..Transaction::default()
        };
        assert_eq!(twice.to_bytes(), Err(FrameError::Twice(name)));
    }

    prop_compose! {
        fn objects()(bodies in proptest::collection::btree_set(any::<Vec<u8>>(), 0..5), kind in 1u8..=7) -> Vec<Object> {
            let kind = Kind::from_code(kind).unwrap();
            bodies.into_iter().map(|body| Object::from_body(kind, body)).collect()
        }
    }

    prop_compose! {
        fn change()(name in "[a-z]{1,9}(/[a-z]{1,9}){0,2}", expect in 0usize..3, old: [u8; 32], new: Option<[u8; 32]>) -> RefChange {
            let old = ObjectId::from_bytes(old);
            let expect = [Expect::Any, Expect::Absent, Expect::Is(old)][expect];
            RefChange { name: RefName::new(name).unwrap(), expect, new: new.map(ObjectId::from_bytes) }
        }
    }

    proptest! {
        #[test]
        fn a_transaction_survives_its_bytes(
            objects in objects(),
            mut refs in proptest::collection::vec(change(), 0..4),
            note: String,
            at_ns: i64,
        ) {
            refs.sort_by(|one, other| one.name.cmp(&other.name));
            refs.dedup_by(|one, other| one.name == other.name);
            let transaction = Transaction { objects, refs, note, at_ns };
            let bytes = transaction.to_bytes().unwrap();
            let read = Transaction::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read, &transaction);
            prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, front in 0usize..=180) {
            let mut all = example();
            all.truncate(front);
            all.extend(bytes);
            let taken = Transaction::from_bytes(&all);
            prop_assert!(taken.is_err());
            is_journal_frame(&all);
        }
    }
}
