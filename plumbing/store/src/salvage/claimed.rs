//! How far the journal went, by the `refs` file.

use crate::base::Base;
use crate::file::FileResult;
use crate::holes::Holes;
use crate::snapshot::{Refs, Snapshot};
use crate::state::State;
use crate::store::Layout;

/// How far the journal goes, as the `refs` file says.
pub(super) struct Claimed {
    pub(super) base: Base,
    /// One that is older than where the journal begins says nothing of its end.
    pub(super) claim: Option<Snapshot>,
    /// Whether the journal has that commit.
    pub(super) is_there: bool,
}

impl Claimed {
    pub(super) fn read(layout: &Layout) -> FileResult<Self> {
        let base = Base::read(layout)?;
        let claim = Snapshot::load(&layout.refs())?
            .filter(|claim| claim.checkpoint.sequence >= base.checkpoint.sequence);
        let is_there = match &claim {
            Some(claim) => claim.checkpoint.is_in(&layout.journal(), &base)?,
            None => false,
        };
        Ok(Self {
            base,
            claim,
            is_there,
        })
    }

    pub(super) fn sequence(&self) -> u64 {
        let claim = self.claim.as_ref();
        claim.map_or(0, |claim| claim.checkpoint.sequence)
    }

    /// Returns up to which frame the journal is known to have been synced.
    pub(super) fn trusted(&self) -> u64 {
        if self.is_there { self.sequence() } else { 0 }
    }

    pub(super) fn holes(&self, layout: &Layout) -> FileResult<Holes> {
        Holes::find(layout, &self.base, self.trusted())
    }

    /// Returns what every ref named at the end of the journal, if the file knows, and how far it knows.
    pub(super) fn refs(&self, layout: &Layout, reached: u64) -> FileResult<Option<(Refs, u64)>> {
        let Some(claim) = &self.claim else {
            return Ok(None);
        };
        if self.is_there {
            let (claim, base) = (Some(claim.clone()), self.base.clone());
            let state = State::read_from(claim, base, layout, self.trusted())?;
            return Ok(Some((state.refs, reached)));
        }
        let is_newer = claim.checkpoint.sequence > reached;
        Ok(is_newer.then(|| (claim.refs.clone(), claim.checkpoint.sequence)))
    }
}
