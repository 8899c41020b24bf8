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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::fsck::Severity;
    use crate::{
        Expect, Holder, Options, RefChange, Store, Transaction, Wait, fsck, rebuild, segment,
        segment_index,
    };
    use roar_object::{Object, Objects, Session};
    use std::path::Path;
    use std::time::Duration;

    const COMMITS: u64 = 40;

    fn object(number: u64) -> Object {
        Object::encode(&Session::begin(&format!("session {number}"), 0))
    }

    fn with_wait<T>(work: impl FnOnce(Wait<'_>) -> T) -> T {
        work(Wait {
            up_to: Duration::from_secs(9),
            command: "test",
            on_wait: &mut |_: &Holder| {},
        })
    }

    /// A store of several segments, which no process has open.
    fn model(dir: &Path) -> Store {
        let made = tempfile::tempdir().unwrap();
        let store = Store::create(made.path()).unwrap();
        let mut writer = with_wait(|wait| store.writer(wait)).unwrap();
        for number in 1..=COMMITS {
            let objects = vec![object(number)];
            let refs = vec![RefChange {
                name: RefName::new(format!("own/{number}")).unwrap(),
                expect: Expect::Absent,
                new: Some(objects[0].id()),
            }];
            let (note, at_ns) = ("test".to_owned(), 1);
            let transaction = Transaction {
                objects,
                refs,
                note,
                at_ns,
            };
            let _ = writer.commit(&transaction).unwrap();
        }
        copy(made.path(), dir);
        Store::open(dir).unwrap()
    }

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (path, target) = {
                let entry = entry.unwrap();
                (entry.path(), to.join(entry.file_name()))
            };
            if path.is_dir() {
                copy(&path, &target);
            } else {
                std::fs::copy(path, target).unwrap();
            }
        }
    }

    fn assert_all_there(store: &Store) {
        let reader = store.reader();
        for number in 1..=COMMITS {
            let name = RefName::new(format!("own/{number}")).unwrap();
            let id = Some(object(number).id());
            assert_eq!(reader.reference(&name).unwrap(), id);
            assert!(reader.find(object(number).id()).unwrap().is_some());
        }
        assert_eq!(reader.damage(), None);
    }

    #[test]
    fn a_hole_in_a_closed_segment_is_filled() {
        let dir = tempfile::tempdir().unwrap();
        let store = model(dir.path());
        let journal = store.layout().journal();
        assert!(segment::list(&journal).unwrap().len() > 2);
        let path = segment::path(&journal, 2);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[segment::HEADER as usize + 50] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        // The list knows where everything is.
        assert_all_there(&store);
        let _ = with_wait(|wait| rebuild(&store, wait)).unwrap();
        std::fs::remove_file(store.layout().refs()).unwrap();
        assert_all_there(&store);
        let report = fsck(&store, Options { full: true }).unwrap();
        assert!(report.worst() < Some(Severity::Error), "{report:?}");
    }

    #[test]
    fn a_closed_segment_that_is_gone_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = model(dir.path());
        let journal = store.layout().journal();
        std::fs::remove_file(segment::path(&journal, 2)).unwrap();
        std::fs::remove_file(segment_index::path(&journal, 2)).unwrap();
        assert!(store.reader().damage().is_some());
        let _ = with_wait(|wait| rebuild(&store, wait)).unwrap();
        std::fs::remove_file(store.layout().refs()).unwrap();
        assert_all_there(&store);
        let report = fsck(&store, Options { full: true }).unwrap();
        assert!(report.worst() < Some(Severity::Error), "{report:?}");
    }
}
