//! The `refs` file: what every ref names, so that readers need not go through the journal.

use crate::RefName;
use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::envelope::Envelope;
use crate::file::{self, FileResult, Sync};
use crate::store::Layout;
use roar_object::ObjectId;
use roar_pack::bytes::Fields;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

static ENVELOPE: Envelope = Envelope::new(b"roarref\n", "roar 2026 refs snapshot v1");

/// Refs by name.
pub(crate) type Refs = BTreeMap<RefName, ObjectId>;

/// What every ref named after a certain frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) refs: Refs,
    /// Nothing if an earlier version wrote it.
    pub(crate) tally: Option<Tally>,
}

/// How much of the journal there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The commit after which it began when this was counted.
    pub(crate) after: u64,
    /// Objects in it, up to the checkpoint.
    pub(crate) objects: u64,
}

impl Tally {
    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            after: fields.u64()?,
            objects: fields.u64()?,
        })
    }
}

impl Snapshot {
    /// Where the journal begins.
    pub(crate) fn of(base: &Base) -> Self {
        Self {
            checkpoint: base.checkpoint,
            refs: base.refs.clone(),
            tally: Some(Tally {
                after: base.checkpoint.sequence,
                objects: 0,
            }),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = ENVELOPE.begin();
        bytes.extend_from_slice(&self.checkpoint.encode());
        encode_refs(&self.refs, &mut bytes);
        if let Some(Tally { after, objects }) = self.tally {
            bytes.extend_from_slice(&after.to_le_bytes());
            bytes.extend_from_slice(&objects.to_le_bytes());
        }
        ENVELOPE.close(bytes)
    }

    /// Reads a snapshot; returns nothing if the bytes are anything else than one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = ENVELOPE.open(bytes)?;
        let checkpoint = Checkpoint::parse(&mut fields)?;
        let refs = parse_refs(&mut fields)?;
        let tally = match fields.is_empty() {
            true => None,
            false => Some(Tally::parse(&mut fields)?),
        };
        fields.is_empty().then_some(Self {
            checkpoint,
            refs,
            tally,
        })
    }

    /// Reads the `refs` file, if there is one, whether or not it fits the journal. One that another user wrote
    /// and keeps to himself is none: what is in it is in the journal, too.
    pub(crate) fn load(path: &Path) -> FileResult<Option<Self>> {
        let bytes = match file::read_if_there(path) {
            Err(err) if err.source.kind() == io::ErrorKind::PermissionDenied => None,
            read => read?,
        };
        Ok(bytes.and_then(|bytes| Self::decode(&bytes)))
    }

    /// Reads the `refs` file, if there is one and it fits the journal.
    pub(crate) fn read(layout: &Layout, base: &Base) -> FileResult<Option<Self>> {
        match Self::load(&layout.refs())? {
            Some(snapshot) if snapshot.checkpoint.is_in(&layout.journal(), base)? => {
                Ok(Some(snapshot))
            }
            _ => Ok(None),
        }
    }

    /// Replaces the `refs` file.
    pub(crate) fn write(&self, path: &Path) -> FileResult<()> {
        file::replace(path, &self.encode(), Sync::No)
    }
}

/// Writes refs down, ascending by name.
pub(crate) fn encode_refs(refs: &Refs, to: &mut Vec<u8>) {
    to.extend_from_slice(&(refs.len() as u32).to_le_bytes());
    for (name, id) in refs {
        to.push(name.as_str().len() as u8);
        to.extend_from_slice(name.as_str().as_bytes());
        to.extend_from_slice(id.as_bytes());
    }
}

pub(crate) fn parse_refs(fields: &mut Fields<'_>) -> Option<Refs> {
    let mut refs = Refs::new();
    for _ in 0..fields.u32()? {
        let len = fields.u8()?;
        let name = std::str::from_utf8(fields.take(usize::from(len))?).ok()?;
        let (name, id) = (RefName::new(name).ok()?, fields.id()?);
        if refs.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return None;
        }
        refs.insert(name, id);
    }
    Some(refs)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn example() -> Snapshot {
        let checkpoint = Checkpoint {
            sequence: 2,
            segment: 1,
            start: 32,
            end: 100,
            checksum: [7; 32],
        };
        let refs = [("a", 1), ("b/c", 2)]
            .map(|(name, id)| (RefName::new(name).unwrap(), ObjectId::from_bytes([id; 32])));
        Snapshot {
            checkpoint,
            refs: refs.into(),
            tally: Some(Tally {
                after: 1,
                objects: 9,
            }),
        }
    }

    #[test]
    fn snapshots_never_change() {
        let mut expected = b"roarref\n\x02\0\0\0\0\0\0\0\x01\0\0\0".to_vec();
        expected.extend_from_slice(b"\x20\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0");
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(b"\x02\0\0\0\x01a");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(b"\x03b/c");
        expected.extend_from_slice(&[2; 32]);
        let before = Snapshot {
            tally: None,
            ..example()
        };
        for snapshot in [before, example()] {
            let bytes = snapshot.encode();
            assert_eq!(bytes[..bytes.len() - 32], expected);
            assert_eq!(Snapshot::decode(&bytes), Some(snapshot));
            expected.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0");
        }
    }

    #[test]
    fn every_byte_of_a_snapshot_is_checked() {
        let bytes = example().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Snapshot::decode(&changed), None, "byte {at}");
            assert_eq!(Snapshot::decode(&bytes[..at]), None, "{at} bytes");
        }
    }
}
