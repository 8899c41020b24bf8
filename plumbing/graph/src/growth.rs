//! Directories that were read as a whole and have grown since.

use crate::History;
use crate::codes::NameMap;
use crate::history::Write;
use roar_object::{Base, Class, RecordedPath, Role};

/// That a directory which a record read as a whole holds a file by now that the record neither read
/// nor wrote.
pub(crate) struct Growth {
    /// The record.
    pub(crate) reader: usize,
    /// The place among its datasets.
    pub(crate) dataset: usize,
    /// The last such write, in the history's list.
    pub(crate) write: usize,
}

/// Finds every directory that has grown since a record read it as a whole; by reader, ascending.
///
/// Only a directory that recorded jobs make can: where all that was read came from outside, another
/// file beside it is none of this history's business. What the reader's own descendants put there does
/// not count either, for that would make every step that works inside one directory its own undoing.
///
/// One file tells it of each: a thousand readers of a directory that a thousand files were added to
/// are a thousand findings, not a million.
pub(crate) fn growth(history: &History<'_>) -> Vec<Growth> {
    let scans = Scans::of(history);
    if scans.list.is_empty() {
        return Vec::new();
    }
    let added = scans.added(history);
    let mut touched = Touched::of(history);
    let grown = scans.list.iter().filter_map(|scan| {
        let reader = scan.reader;
        let later = added[scan.directory].iter().copied();
        let later = later.take_while(|&write| history.writes[write].record > reader);
        let mut later = later.peekable();
        later.peek()?;
        scan.is_made(history).then_some(())?;
        touched.mark(history, reader);
        let mut descendants = None;
        let write = later.find(|&write| {
            let write = &history.writes[write];
            !touched.by(reader, write)
                && !descendants
                    .get_or_insert_with(|| history.descendants(reader))
                    .contains(&write.record)
        })?;
        Some(Growth {
            reader,
            dataset: scan.dataset,
            write,
        })
    });
    grown.collect()
}

/// That a record read a directory as a whole.
struct Scan {
    reader: usize,
    /// The place among the record's datasets.
    dataset: usize,
    /// The number of the directory.
    directory: usize,
}

impl Scan {
    /// Returns whether a recorded job made any of what was read.
    fn is_made(&self, history: &History<'_>) -> bool {
        let record = &history.records()[self.reader];
        let directory = &record.datasets[self.dataset].path;
        let mut made = history.producers_of(self.reader);
        made.any(|(place, _)| record.reads[place].path.is_under(directory))
    }
}

/// Every reading of a directory as a whole.
#[derive(Default)]
struct Scans<'r> {
    list: Vec<Scan>,
    /// The numbers of the directories.
    directories: NameMap<(Base, &'r [u8]), usize>,
}

impl<'r> Scans<'r> {
    fn of(history: &History<'r>) -> Self {
        let mut scans = Self::default();
        for (reader, record) in history.records().iter().enumerate() {
            let whole = record.datasets.iter().enumerate();
            for (dataset, at) in whole.filter(|(_, at)| at.role == Role::Read) {
                let next = scans.directories.len();
                let key = (at.path.base, &*at.path.path.0);
                let directory = *scans.directories.entry(key).or_insert(next);
                scans.list.push(Scan {
                    reader,
                    dataset,
                    directory,
                });
            }
        }
        scans
    }

    /// Returns for each directory the data that the world holds below it, last written first. What
    /// was written before the first reading is left out.
    fn added(&self, history: &History<'r>) -> Vec<Vec<usize>> {
        let mut added = vec![Vec::new(); self.directories.len()];
        let first = self.list.first().map_or(0, |scan| scan.reader);
        let after = history.writes_of(first).end;
        // Files that were written together mostly lie together.
        let mut above = Above::default();
        for place in (after..history.writes.len()).rev() {
            let write = &history.writes[place];
            let output = &history.records()[write.record].writes[write.output];
            if write.next.is_none() && output.remains() && output.class == Class::Data {
                for &directory in above.of(&output.path, self) {
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
        let parent = holding(&path.path.0).map(|parent| (path.base, parent));
        if self.parent != parent {
            self.parent = parent;
            let above = std::iter::successors(parent, |&(base, directory)| {
                holding(directory).map(|parent| (base, parent))
            });
            let found = above.filter_map(|key| scans.directories.get(&key).copied());
            self.found = found.collect();
        }
        &self.found
    }
}

/// Returns the directory of a path; the base, which is empty, has none.
fn holding(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    (!path.is_empty()).then(|| &path[..end])
}

/// The last record that was noted to have read or written at each path.
struct Touched {
    by: Vec<Option<usize>>,
    /// Whose paths were noted last.
    marked: Option<usize>,
}

impl Touched {
    fn of(history: &History<'_>) -> Self {
        Self {
            by: vec![None; history.last.len()],
            marked: None,
        }
    }

    fn mark(&mut self, history: &History<'_>, record: usize) {
        if self.marked.replace(record) == Some(record) {
            return;
        }
        let reads = history.reads[history.reads_of(record)].iter();
        let writes = history.writes[history.writes_of(record)].iter();
        let paths = reads.map(|read| read.path);
        for path in paths.chain(writes.map(|write| write.path)) {
            self.by[path as usize] = Some(record);
        }
    }

    fn by(&self, record: usize, write: &Write) -> bool {
        self.by[write.path as usize] == Some(record)
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{job, session};
    use crate::tests::{states, then};
    use crate::{Reason, Record, Why, Written, project};
    use roar_object::Class;

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
        let grown = Why::Grown { dataset: 0, by };
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
