//! What every ref names, and where the journal begins and ends.

use crate::base::Base;
use crate::file::FileError;
use crate::frame::{Head, RefMove};
use crate::journal::{self, Found, Tail};
use crate::scan::FrameAt;
use crate::shelf::settled;
use crate::snapshot::{Refs, Snapshot};
use crate::store::Layout;

/// What is known without looking at objects.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Where the journal begins.
    pub(crate) base: Base,
    /// Frames up to this one were synced.
    pub(crate) trusted: u64,
    /// Up to which commit the `refs` file says that the journal goes.
    pub(crate) claimed: u64,
    /// Where the journal ends.
    pub(crate) tail: Tail,
    pub(crate) refs: Refs,
    /// Whether the `refs` file says all of this.
    pub(crate) is_snapshot: bool,
}

impl State {
    /// Reads the `refs` file and the frames after it. Frames up to `trusted` are known to be synced.
    pub(crate) fn read(layout: &Layout, trusted: u64) -> Result<Self, FileError> {
        settled(layout, |_| {
            // Before the journal, which then has all that the file says, whoever writes meanwhile.
            let claim = Snapshot::load(&layout.refs())?;
            let base = Base::read(layout)?;
            let claimed = claim.as_ref().map_or(0, |claim| claim.checkpoint.sequence);
            let snapshot = match claim {
                Some(claim) if claim.checkpoint.is_in(&layout.journal(), &base)? => Some(claim),
                _ => None,
            };
            let state = Self::read_from(snapshot, base, layout, trusted)?;
            let claimed = claimed.max(state.claimed);
            Ok(Some(Self { claimed, ..state }))
        })
    }

    /// Reads the frames after a snapshot, or all of them if there is none.
    pub(crate) fn read_from(
        snapshot: Option<Snapshot>,
        base: Base,
        layout: &Layout,
        trusted: u64,
    ) -> Result<Self, FileError> {
        let is_snapshot = snapshot.is_some();
        let Snapshot {
            checkpoint,
            mut refs,
        } = snapshot.unwrap_or_else(|| Snapshot::of(&base));
        let trusted = trusted.max(checkpoint.sequence);
        let mut is_behind = false;
        let tail = journal::walk(&layout.journal(), checkpoint, trusted, &mut |found| {
            if let Found::Frame(_, head, _) = found {
                apply(&mut refs, head.refs());
                is_behind = true;
            }
            Ok(())
        })?;
        Ok(Self {
            base,
            trusted,
            claimed: checkpoint.sequence,
            tail,
            refs,
            is_snapshot: is_snapshot && !is_behind,
        })
    }

    /// Goes on to a commit of the writer's own.
    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        apply(&mut self.refs, head.refs());
        let last = journal::checkpoint_of(frame);
        self.tail = Tail {
            segment: frame.segment,
            end: last.end,
            len: last.end,
            last,
        };
    }
}

fn apply(refs: &mut Refs, moves: impl Iterator<Item = RefMove>) {
    for change in moves {
        match change.new {
            Some(id) => refs.insert(change.name, id),
            None => refs.remove(&change.name),
        };
    }
}
