//! What every ref names, and where the journal begins and ends.

use crate::base::Base;
use crate::file::FileError;
use crate::frame::{Head, RefMove};
use crate::journal::{self, Found, Tail};
use crate::scan::FrameAt;
use crate::shelf::settled;
use crate::snapshot::{Refs, Snapshot, Tally};
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
    /// How many objects the journal has from where it begins, if that was counted.
    pub(crate) objects: Option<u64>,
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
            tally,
        } = snapshot.unwrap_or_else(|| Snapshot::of(&base));
        let trusted = trusted.max(checkpoint.sequence);
        let mut is_behind = false;
        let tally = tally.filter(|tally| tally.after == base.checkpoint.sequence);
        let mut objects = tally.map(|tally| tally.objects);
        let tail = journal::walk(&layout.journal(), checkpoint, trusted, &mut |found| {
            if let Found::Frame(_, head, _) = found {
                apply(&mut refs, head.refs());
                objects = plus(objects, &head);
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
            objects,
            is_snapshot: is_snapshot && !is_behind,
        })
    }

    /// Counts the objects in the journal from where it begins now.
    pub(crate) fn count(&mut self, layout: &Layout) -> Result<(), FileError> {
        let mut objects = 0;
        let (from, trusted) = (self.base.checkpoint, self.trusted);
        journal::walk(&layout.journal(), from, trusted, &mut |found| {
            if let Found::Frame(_, head, _) = found {
                objects += head.count() as u64;
            }
            Ok(())
        })?;
        self.objects = Some(objects);
        Ok(())
    }

    /// Returns what the `refs` file is to say.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let after = self.base.checkpoint.sequence;
        Snapshot {
            checkpoint: self.tail.last,
            refs: self.refs.clone(),
            tally: self.objects.map(|objects| Tally { after, objects }),
        }
    }

    /// Goes on to a commit of the writer's own.
    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        apply(&mut self.refs, head.refs());
        self.objects = plus(self.objects, head);
        let last = journal::checkpoint_of(frame);
        self.tail = Tail {
            segment: frame.segment,
            end: last.end,
            len: last.end,
            last,
        };
    }
}

fn plus(objects: Option<u64>, head: &Head<'_>) -> Option<u64> {
    objects.map(|objects| objects + head.count() as u64)
}

fn apply(refs: &mut Refs, moves: impl Iterator<Item = RefMove>) {
    for change in moves {
        match change.new {
            Some(id) => refs.insert(change.name, id),
            None => refs.remove(&change.name),
        };
    }
}
