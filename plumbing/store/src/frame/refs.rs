//! Notes and ref changes, as frames and logs hold them.

use super::FrameError;
use crate::{Expect, RefChange, RefName, name};
use roar_object::ObjectId;
use roar_pack::bytes::Fields;
use std::collections::HashSet;

/// A ref change as it stands in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefMove {
    pub(crate) name: RefName,
    /// What was there before; in the journal never [`Expect::Any`].
    pub(crate) expect: Expect,
    pub(crate) new: Option<ObjectId>,
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

pub(super) fn refuse_twice(refs: &[RefMove]) -> Result<(), FrameError> {
    let mut seen = HashSet::new();
    match refs.iter().find(|change| !seen.insert(&change.name)) {
        Some(twice) => Err(FrameError::Twice(twice.name.clone())),
        None => Ok(()),
    }
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
