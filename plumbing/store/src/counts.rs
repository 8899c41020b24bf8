//! How much there is.

use crate::reader::ReadError;
use crate::{Reader, Spool, file, packs, segment};
use roar_object::Kind;

/// How much a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects of each kind, in the order of [`Kind::ALL`].
    pub objects: [u64; Kind::ALL.len()],
    /// Bytes in the bodies of objects.
    pub bytes: u64,
    /// Refs.
    pub refs: u64,
    /// Bytes in the journal.
    pub journal_bytes: u64,
    /// Segments of the journal.
    pub segments: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes in packs.
    pub pack_bytes: u64,
    /// Bytes in the writers' index.
    pub sled_bytes: u64,
    /// Spool files of runs that go on, or whose roar was killed.
    pub pending_runs: u64,
}

impl Counts {
    /// Returns how many objects there are of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.objects[usize::from(kind.code()) - 1]
    }

    /// Returns how many objects there are.
    pub fn total(&self) -> u64 {
        self.objects.iter().sum()
    }
}

impl Reader {
    /// Returns how much the store holds.
    ///
    /// # Errors
    ///
    /// When the journal or the directory of spool files cannot be read.
    pub fn count(&self) -> Result<Counts, ReadError> {
        let layout = self.layout();
        let journal = layout.journal();
        let mut counts = Counts {
            refs: self.state()?.refs.len() as u64,
            journal_bytes: file::bytes_in(&journal),
            segments: segment::list(&journal)?.len() as u64,
            sled_bytes: file::bytes_in(&layout.sled()),
            pending_runs: Spool::pending(&layout.runs())?.len() as u64,
            ..Counts::default()
        };
        for pack in packs::list(&layout.packs())? {
            counts.packs += 1;
            counts.pack_bytes += pack.bytes;
        }
        self.each_listed(&mut |kind, len| {
            counts.objects[usize::from(kind.code()) - 1] += 1;
            counts.bytes += u64::from(len);
        })?;
        Ok(counts)
    }
}
