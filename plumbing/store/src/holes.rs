//! What the journal lacks between where it begins and where it ends.

use crate::RefName;
use crate::base::Base;
use crate::file::FileResult;
use crate::journal::{self, Found};
use crate::salvage;
use crate::store::Layout;
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

/// What the journal lacks, and no salvage has made up for.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    /// Segments with bytes that are no commit, or with a commit before which one is missing.
    pub(crate) segments: BTreeSet<u32>,
    /// The numbers of the commits that are missing, ascending.
    missing: Vec<RangeInclusive<u64>>,
    /// The last commit that is there and changed a ref.
    changed: HashMap<RefName, u64>,
}

impl Holes {
    /// Goes through the journal. Frames up to `trusted` are known to be synced.
    pub(crate) fn find(layout: &Layout, base: &Base, trusted: u64) -> FileResult<Self> {
        let mut holes = Self::default();
        let mut last = base.checkpoint.sequence;
        journal::walk(&layout.journal(), base.checkpoint, trusted, &mut |found| {
            match found {
                Found::Damage { segment, .. } => {
                    holes.segments.insert(segment);
                }
                Found::Frame(frame, head, _) => {
                    let sequence = frame.header.sequence;
                    if salvage::is_salvage(&head, sequence, last) {
                        holes.settle();
                    } else if sequence > last + 1 {
                        holes.segments.insert(frame.segment);
                        holes.miss(last + 1..=sequence - 1);
                    }
                    last = sequence;
                    let names = head.refs().map(|change| change.name);
                    holes.changed.extend(names.map(|name| (name, sequence)));
                }
            }
            Ok(())
        })?;
        Ok(holes)
    }

    /// All that could be made up for has been.
    fn settle(&mut self) {
        self.segments.clear();
        self.missing.clear();
    }

    /// Counts these commits as missing.
    pub(crate) fn miss(&mut self, commits: RangeInclusive<u64>) {
        if !commits.is_empty() {
            self.missing.push(commits);
        }
    }

    /// Returns whether nothing is lacking.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.missing.is_empty()
    }

    /// Returns whether that commit is missing.
    pub(crate) fn has(&self, sequence: u64) -> bool {
        let mut missing = self.missing.iter();
        missing.any(|commits| commits.contains(&sequence))
    }

    /// Returns how many commits are missing.
    pub(crate) fn count(&self) -> u64 {
        let lengths = self.missing.iter();
        lengths
            .map(|commits| commits.end() - commits.start() + 1)
            .sum()
    }

    /// Returns whether the journal tells of no later change of that ref.
    pub(crate) fn is_newer(&self, name: &RefName, sequence: u64) -> bool {
        let changed = self.changed.get(name);
        changed.is_none_or(|changed| sequence > *changed)
    }
}
