//! A list of records, made fit for questions: paths and contents as small numbers, and who wrote
//! what each of them read.

use crate::codes::{CodeMap, NameMap};
use crate::{Input, Record};
use roar_object::{Class, ContentId, RecordedPath};
use std::ops::Range;

/// A number that stands for a path.
pub(crate) type PathCode = u32;
/// A number that stands for some bytes, or for none.
pub(crate) type ContentCode = u32;

/// Bytes that nobody could name: equal to each other, for lack of anything better.
const UNNAMED: ContentCode = 0;
/// No bytes: the file is gone.
pub(crate) const DELETED: ContentCode = 1;
const FIRST_CONTENT: ContentCode = 2;

/// A path and what a record read there.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) path: PathCode,
    pub(crate) content: ContentCode,
}

/// What a record wrote, and what surrounds that in time.
#[derive(Clone, Copy)]
pub(crate) struct Write {
    pub(crate) record: usize,
    /// The place among the record's writes.
    pub(crate) output: usize,
    pub(crate) path: PathCode,
    pub(crate) content: ContentCode,
    /// What the same record had read at this path: an update in place began there.
    pub(crate) started_from: Option<ContentCode>,
    /// The next write to this path.
    pub(crate) next: Option<usize>,
}

/// Which job made what a record read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    /// The job that made it.
    pub record: usize,
    /// The place among that record's writes.
    pub output: usize,
    /// Whether it was written at another path than the one it was read at.
    pub elsewhere: bool,
}

/// A history of records, indexed.
///
/// The *producer* of an input is the last job before the reader that wrote those bytes at that
/// path; failing that, the last one before it that wrote the same bytes elsewhere. An empty file
/// is nobody's product elsewhere: too many are alike.
pub struct History<'r> {
    records: Vec<&'r Record>,
    paths: NameMap<&'r RecordedPath, PathCode>,
    contents: NameMap<ContentId, ContentCode>,
    pub(crate) reads: Vec<Version>,
    read_starts: Vec<usize>,
    pub(crate) writes: Vec<Write>,
    write_starts: Vec<usize>,
    producers: Vec<Option<Producer>>,
    /// The last write to each path.
    pub(crate) last: Vec<Option<usize>>,
}

impl<'r> History<'r> {
    /// Indexes records, given in the order of the session.
    pub fn new(records: &'r [Record]) -> Self {
        Self::of(records.iter())
    }

    pub(crate) fn of(records: impl Iterator<Item = &'r Record>) -> Self {
        Builder::default().build(records.collect())
    }

    /// Returns the records.
    pub fn records(&self) -> &[&'r Record] {
        &self.records
    }

    /// Returns who made what the record's input of that place holds, if a recorded job did.
    pub fn producer(&self, record: usize, input: usize) -> Option<Producer> {
        self.producers[self.reads_of(record)][input]
    }

    /// Returns whether a file that was read counts as an input: data, or code that a job made.
    pub fn is_input(&self, record: usize, input: usize) -> bool {
        self.records[record].reads[input].class == Class::Data
            || self.producer(record, input).is_some()
    }

    /// Returns the places and files of everything that counts as an input of the record.
    pub fn inputs_of(&self, record: usize) -> impl Iterator<Item = (usize, &'r Input)> {
        let reads = self.records[record].reads.iter().enumerate();
        reads.filter(move |&(place, _)| self.is_input(record, place))
    }

    /// Returns the records that made what the record read, ascending.
    pub fn parents(&self, record: usize) -> Vec<usize> {
        let producers = self.producers_of(record);
        let mut parents: Vec<_> = producers.map(|(_, producer)| producer.record).collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// Returns the places of the inputs that recorded jobs made, and who made them.
    pub(crate) fn producers_of(&self, record: usize) -> impl Iterator<Item = (usize, Producer)> {
        let places = self.producers[self.reads_of(record)].iter().enumerate();
        places.filter_map(|(place, producer)| producer.map(|producer| (place, producer)))
    }

    /// Returns where the record's reads are in the list of all.
    pub(crate) fn reads_of(&self, record: usize) -> Range<usize> {
        self.read_starts[record]..self.read_starts[record + 1]
    }

    /// Returns where the record's writes are in the list of all.
    pub(crate) fn writes_of(&self, record: usize) -> Range<usize> {
        self.write_starts[record]..self.write_starts[record + 1]
    }

    /// Returns the number of a path, if any record wrote or read it.
    pub(crate) fn path_code(&self, path: &RecordedPath) -> Option<PathCode> {
        self.paths.get(path).copied()
    }

    /// Returns the number of some bytes, if any record wrote or read them.
    pub(crate) fn content_code(&self, id: ContentId) -> Option<ContentCode> {
        self.contents.get(&id).copied()
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = (&'r RecordedPath, PathCode)> {
        self.paths.iter().map(|(&path, &code)| (path, code))
    }
}

/// What was last read where, while the records are gone through one by one.
#[derive(Default)]
pub(crate) struct LastRead {
    by_path: Vec<Option<(usize, ContentCode)>>,
}

impl LastRead {
    pub(crate) fn note(&mut self, record: usize, version: Version) {
        let place = version.path as usize;
        if self.by_path.len() <= place {
            self.by_path.resize(place + 1, None);
        }
        self.by_path[place] = Some((record, version.content));
    }

    /// Returns what the record read at the path.
    pub(crate) fn by(&self, record: usize, path: PathCode) -> Option<ContentCode> {
        let &(reader, content) = self.by_path.get(path as usize)?.as_ref()?;
        (reader == record).then_some(content)
    }
}

#[derive(Default)]
struct Builder<'r> {
    paths: NameMap<&'r RecordedPath, PathCode>,
    contents: NameMap<ContentId, ContentCode>,
    /// The last write of a content at a path.
    at_path: CodeMap<(PathCode, ContentCode), usize>,
    /// The last write of a content anywhere.
    anywhere: Vec<Option<usize>>,
    last: Vec<Option<usize>>,
    last_read: LastRead,
    reads: Vec<Version>,
    writes: Vec<Write>,
    producers: Vec<Option<Producer>>,
}

impl<'r> Builder<'r> {
    fn build(mut self, records: Vec<&'r Record>) -> History<'r> {
        let (mut read_starts, mut write_starts) = (vec![0], vec![0]);
        let reads = records.iter().map(|record| record.reads.len()).sum();
        let writes = records.iter().map(|record| record.writes.len()).sum();
        self.reads.reserve_exact(reads);
        self.producers.reserve_exact(reads);
        self.writes.reserve_exact(writes);
        self.at_path.reserve(writes);
        self.contents.reserve(writes);
        self.paths.reserve(writes);
        for (at, record) in records.iter().enumerate() {
            self.add_reads(at, record);
            self.add_writes(at, record);
            read_starts.push(self.reads.len());
            write_starts.push(self.writes.len());
        }
        self.last.resize(self.paths.len(), None);
        History {
            records,
            paths: self.paths,
            contents: self.contents,
            reads: self.reads,
            read_starts,
            writes: self.writes,
            write_starts,
            producers: self.producers,
            last: self.last,
        }
    }

    fn add_reads(&mut self, at: usize, record: &'r Record) {
        for read in &record.reads {
            let version = Version {
                path: self.path(&read.path),
                content: self.content(read.id),
            };
            self.producers.push(self.producer_of(version, read.size));
            self.last_read.note(at, version);
            self.reads.push(version);
        }
    }

    fn add_writes(&mut self, at: usize, record: &'r Record) {
        for (output, written) in record.writes.iter().enumerate() {
            let path = self.path(&written.path);
            let content = if written.remains() {
                self.content(written.id)
            } else {
                DELETED
            };
            let write = Write {
                record: at,
                output,
                path,
                content,
                started_from: self.last_read.by(at, path),
                next: None,
            };
            self.add_write(write);
        }
    }

    fn add_write(&mut self, write: Write) {
        let place = self.writes.len();
        self.writes.push(write);
        if write.content != DELETED {
            self.at_path.insert((write.path, write.content), place);
            *slot(&mut self.anywhere, write.content) = Some(place);
        }
        let before = slot(&mut self.last, write.path).replace(place);
        if let Some(before) = before {
            self.writes[before].next = Some(place);
        }
    }

    fn producer_of(&self, version: Version, size: u64) -> Option<Producer> {
        let here = self.at_path.get(&(version.path, version.content)).copied();
        let tells = version.content != UNNAMED && size > 0;
        let elsewhere = || {
            let known = self
                .anywhere
                .get(version.content as usize)
                .copied()
                .flatten();
            known.filter(|_| tells)
        };
        let write = &self.writes[here.or_else(elsewhere)?];
        Some(Producer {
            record: write.record,
            output: write.output,
            elsewhere: write.path != version.path,
        })
    }

    fn path(&mut self, path: &'r RecordedPath) -> PathCode {
        let next = count(self.paths.len());
        *self.paths.entry(path).or_insert(next)
    }

    fn content(&mut self, id: Option<ContentId>) -> ContentCode {
        let Some(id) = id else { return UNNAMED };
        let next = FIRST_CONTENT + count(self.contents.len());
        *self.contents.entry(id).or_insert(next)
    }
}

/// Returns the place of a number in a list that grows as needed.
fn slot<T: Clone>(list: &mut Vec<Option<T>>, at: u32) -> &mut Option<T> {
    let at = at as usize;
    if list.len() <= at {
        list.resize(at + 1, None);
    }
    &mut list[at]
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("four thousand million different names do not fit in memory")
}
