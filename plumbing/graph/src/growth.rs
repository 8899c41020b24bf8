//! Directories that were read as a whole and have grown since.

use crate::again::Again;
use crate::codes::{CodeMap, NameMap};
use crate::history::{PathCode, Write};
use crate::inherit::Inheritance;
use crate::{History, Scan};
use roar_object::{Base, Class, RecordedPath, Role};

/// That a directory which a record read as a whole, or which was for what it inherited, holds a file by
/// now that it neither read nor wrote.
pub(crate) struct Growth {
    /// The record.
    pub(crate) reader: usize,
    /// The reading.
    pub(crate) scan: Scan,
    /// The last such write, in the history's list.
    pub(crate) write: usize,
}

/// Finds every directory that has grown since a record read it as a whole; by reader, ascending.
///
/// What the reader's own descendants put there does not count, for that would make every step that works
/// inside one directory its own undoing; nor what a later run of the very same command has seen. The
/// project itself grows only where recorded jobs made some of what was read: otherwise whatever is made there
/// would undo what was made first.
///
/// One file tells it of each: a thousand readers of a directory that a thousand files were added to
/// are a thousand findings, not a million.
pub(crate) fn growth(
    history: &History<'_>,
    inheritance: &Inheritance,
    again: &Again,
) -> Vec<Growth> {
    let scans = Scans::of(history, inheritance, again);
    if scans.list.is_empty() {
        return Vec::new();
    }
    let added = scans.added(history);
    let mut touched = Touched::of(history, again);
    let grown = scans.list.iter().filter_map(|scanned| {
        let &Scanned { reader, scan, .. } = scanned;
        let later = added[scanned.directory].iter().copied();
        let later = later.take_while(|&write| history.writes[write].record > scan.record);
        let mut later = later.peekable();
        later.peek()?;
        (!scanned.is_project(history) || scanned.is_made(history)).then_some(())?;
        touched.mark(history, scanned);
        let mut descendants = None;
        let write = later.find(|&write| {
            let write = &history.writes[write];
            !touched.by(history, scanned, write)
                && !descendants
                    .get_or_insert_with(|| scanned.descendants(history))
                    .contains(&write.record)
        })?;
        Some(Growth {
            reader,
            scan,
            write,
        })
    });
    grown.collect()
}

/// That a record read a directory as a whole.
struct Scanned {
    /// For whom it counts: the record itself, or one that inherited what came of it.
    reader: usize,
    scan: Scan,
    /// The number of the directory.
    directory: usize,
}

impl Scanned {
    fn is_project(&self, history: &History<'_>) -> bool {
        let directory = &history.records()[self.scan.record].datasets[self.scan.dataset].path;
        directory.base == Base::Project && directory.path.is_empty()
    }

    /// Returns whether a recorded job made any of what was read.
    fn is_made(&self, history: &History<'_>) -> bool {
        let record = &history.records()[self.scan.record];
        let directory = &record.datasets[self.scan.dataset].path;
        let mut made = history.producers_of(self.scan.record);
        made.any(|(place, _)| record.reads[place].path.is_under(directory))
    }

    fn descendants(&self, history: &History<'_>) -> Vec<usize> {
        let mut found = history.descendants(self.scan.record);
        if self.reader != self.scan.record {
            found.extend(history.descendants(self.reader));
        }
        found
    }
}

/// Returns the directories that a record itself read as a whole.
pub(crate) fn scans_of(history: &History<'_>, record: usize) -> impl Iterator<Item = Scan> {
    let sets = history.records()[record].datasets.iter().enumerate();
    let read = sets.filter(|(_, set)| set.role == Role::Read);
    read.map(move |(dataset, _)| Scan { record, dataset })
}

/// Every reading of a directory as a whole.
#[derive(Default)]
struct Scans<'r> {
    list: Vec<Scanned>,
    /// The numbers of the directories.
    directories: NameMap<(Base, &'r [u8]), usize>,
}

impl<'r> Scans<'r> {
    fn of(history: &History<'r>, inheritance: &Inheritance, again: &Again) -> Self {
        let mut scans = Self::default();
        for record in 0..history.records().len() {
            for scan in scans_of(history, record) {
                scans.add(history, record, again.scan(history, record, scan));
            }
        }
        for (reader, scan) in inheritance.all_scans() {
            scans.add(history, reader, again.scan(history, reader, scan));
        }
        scans
    }

    fn add(&mut self, history: &History<'r>, reader: usize, scan: Scan) {
        let path = &history.records()[scan.record].datasets[scan.dataset].path;
        let next = self.directories.len();
        let key = (path.base, &*path.path.0);
        let directory = *self.directories.entry(key).or_insert(next);
        self.list.push(Scanned {
            reader,
            scan,
            directory,
        });
    }

    /// Returns for each directory the data that the world holds below it, last written first. What
    /// was written before the first reading is left out.
    fn added(&self, history: &History<'r>) -> Vec<Vec<usize>> {
        let mut added = vec![Vec::new(); self.directories.len()];
        let first = self.list.iter().map(|scanned| scanned.scan.record).min();
        let first = first.unwrap_or(0);
        let after = history.writes_of(first).end;
        // Files that were written together mostly lie together.
        let mut known = Above::default();
        for place in (after..history.writes.len()).rev() {
            let write = &history.writes[place];
            let output = &history.records()[write.record].writes[write.output];
            if write.next.is_none() && output.remains() && output.class == Class::Data {
                for &directory in known.of(&output.path, self) {
                    added[directory].push(place);
                }
            }
        }
        added
    }
}

/// Those of the directories that hold a file, for the file that was asked about last.
#[derive(Default)]
struct Above<'r> {
    parent: Option<(Base, &'r [u8])>,
    found: Vec<usize>,
}

impl<'r> Above<'r> {
    fn of(&mut self, path: &'r RecordedPath, scans: &Scans<'_>) -> &[usize] {
        let parent = above(path).next();
        if self.parent != parent {
            self.parent = parent;
            let found = above(path).filter_map(|key| scans.directories.get(&key).copied());
            self.found = found.collect();
        }
        &self.found
    }
}

/// Returns the directories that hold a path, from the nearest on.
pub(crate) fn above(path: &RecordedPath) -> impl Iterator<Item = (Base, &[u8])> {
    let parents = std::iter::successors(holding(&path.path.0), |directory| holding(directory));
    parents.map(|directory| (path.base, directory))
}

/// Returns the directory of a path; the base, which is empty, has none.
fn holding(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    (!path.is_empty()).then(|| &path[..end])
}

/// The last reading for which each path was noted, because one of its records read or wrote it.
struct Touched<'a> {
    by: Vec<Option<(usize, usize)>>,
    /// Whose paths were noted last.
    marked: Option<(usize, usize)>,
    again: &'a Again,
    /// By command, as they are asked for: the last run to have read or written each path.
    groups: NameMap<usize, CodeMap<PathCode, usize>>,
}

impl<'a> Touched<'a> {
    fn of(history: &History<'_>, again: &'a Again) -> Self {
        Self {
            by: vec![None; history.last.len()],
            marked: None,
            again,
            groups: NameMap::default(),
        }
    }

    fn mark(&mut self, history: &History<'_>, scanned: &Scanned) {
        let key = (scanned.reader, scanned.scan.record);
        if self.marked.replace(key) == Some(key) {
            return;
        }
        for record in [key.0, key.1] {
            for path in paths(history, record) {
                self.by[path as usize] = Some(key);
            }
        }
    }

    fn by(&mut self, history: &History<'_>, scanned: &Scanned, write: &Write) -> bool {
        self.by[write.path as usize] == Some((scanned.reader, scanned.scan.record))
            || self.by_same_command(history, scanned, write.path)
    }

    /// Returns whether a run of the reader's command that went well has read or written there since.
    fn by_same_command(
        &mut self,
        history: &History<'_>,
        scanned: &Scanned,
        path: PathCode,
    ) -> bool {
        let Some((group, runs)) = self.again.runs(scanned.reader) else {
            return false;
        };
        let last = self.groups.entry(group).or_insert_with(|| {
            let mut last = CodeMap::default();
            for &run in runs.iter().filter(|&&at| history.records()[at].succeeded()) {
                last.extend(paths(history, run).map(|path| (path, run)));
            }
            last
        });
        last.get(&path)
            .is_some_and(|&run| run >= scanned.scan.record)
    }
}

/// Returns the paths that a record read and wrote.
fn paths(history: &History<'_>, record: usize) -> impl Iterator<Item = PathCode> {
    let reads = history.reads[history.reads_of(record)].iter();
    let writes = history.writes[history.writes_of(record)].iter();
    let reads = reads.map(|read| read.path);
    reads.chain(writes.map(|write| write.path))
}

#[cfg(test)]
mod tests {
    use crate::fixture::{job, session};
    use crate::tests::{states, then};
    use crate::{Reason, Record, Scan, State, Why, Written, project};
    use roar_object::{Class, RecordedPath};

    #[test]
    fn who_read_a_directory_as_a_whole_is_stale_once_it_has_grown() {
        let records = session([
            job("split.py").writes("data/1=a data/2=b"),
            job("train.py")
                .scans("data")
                .reads("data/1=a data/2=b")
                .writes("model=m data/log=l"),
            job("eval.py").reads("model=m").writes("score=s"),
            job("unzip more").writes("data/3=c data2/4=d"),
            job("more.py").writes("data/sub/4=d data/log=l2"),
        ]);
        let all = "@1:current @2:stale @3:stale @4:current @5:current";
        assert_eq!(states(&records), all);
        let by = Written {
            record: 4,
            output: 1,
        };
        let scan = Scan {
            record: 1,
            dataset: 0,
        };
        let grown = Why::Grown { scan, by };
        let reasons = |records: &[Record], at: usize| project(records).reasons(at).to_vec();
        assert_eq!(
            reasons(&records, 1),
            [Reason {
                input: None,
                why: grown
            }]
        );
        let removed = then(records, job("rm").writes("data/3= data/sub/4="));
        assert_eq!(reasons(&removed, 1), []);
    }

    #[test]
    fn only_what_recorded_jobs_make_grows_and_only_by_data() {
        let count = || job("count.py").scans("").reads("raw/1=a");
        let more = || job("fetch.py more").writes("raw/2=b");
        let from_outside = session([count(), more()]);
        assert_eq!(states(&from_outside), "@1:current @2:current");
        let mut made = session([job("fetch.py").writes("raw/1=a"), count(), more()]);
        assert_eq!(states(&made), "@1:current @2:stale @3:current");
        made[2].writes[0].class = Class::Code;
        assert_eq!(states(&made), "@1:current @2:current @3:current");
    }

    #[test]
    fn what_was_left_in_place_is_of_the_directory_as_it_was() {
        let records = session([
            job("split.py").writes("data/1=a data/2=b"),
            job("gen.py")
                .scans("data")
                .reads("data/1=a data/2=b note=n")
                .writes("x=x y=y"),
            job("gen.py").reads("note=n2").writes("y=y2"),
            job("plot.py").reads("y=y2").writes("data/plot=p"),
        ]);
        assert_eq!(
            states(&records),
            "@1:current @2:superseded @2:current @3:current"
        );
        let more = then(records, job("more.py").writes("data/3=c"));
        let scan = Scan {
            record: 1,
            dataset: 0,
        };
        let by = Written {
            record: 4,
            output: 0,
        };
        let why = Why::Grown { scan, by };
        assert_eq!(project(&more).reasons(2), [Reason { input: None, why }]);
        // Who has read it again as a whole has seen what is there, and what is not.
        let again = job("gen.py").scans("data").reads("data/1=a data/3=c");
        let removed = then(more, job("rm data/2").writes("data/2="));
        let records = then(removed, again.writes("y=y3"));
        assert_eq!(records[6].step.to_string(), "@2");
        assert_eq!(project(&records).inherited_scans(6), []);
        let reads = project(&records).inherited_reads(6).to_vec();
        let paths = reads
            .iter()
            .map(|read| &records[read.record].reads[read.input].path);
        assert!(paths.map(RecordedPath::shown).eq([b"note"]));
        assert_eq!(project(&records).state(6), State::Current);
    }

    #[test]
    fn what_came_of_a_reading_does_not_make_it_stale() {
        let records = session([
            job("split.py").writes("data/1=a data/2=b"),
            job("join.py")
                .scans("data")
                .reads("data/1=a data/2=b")
                .writes("all=ab"),
            job("train.py").reads("all=ab").writes("data/model=m"),
        ]);
        assert_eq!(states(&records), "@1:current @2:current @3:current");
    }
}
