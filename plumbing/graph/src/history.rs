//! A list of records, made fit for questions: paths and contents as small numbers, and who wrote
//! what each of them read.

use crate::codes::{CodeMap, NameMap};
use crate::{Input, Output, Record};
use roar_object::{Class, ContentId, RecordedPath};
use std::ops::Range;
use std::sync::OnceLock;

/// A number that stands for a path.
pub(crate) type PathCode = u32;
/// A number that stands for some bytes, or for none.
pub(crate) type ContentCode = u32;

/// Bytes that nobody could name: equal to each other, for lack of anything better.
const UNNAMED: ContentCode = 0;
/// No bytes: the file is gone.
pub(crate) const DELETED: ContentCode = 1;
const FIRST_CONTENT: ContentCode = 2;

/// The numbers of a path and of what a record read or wrote there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Stands for the path: from 0, with few gaps, for lists are as long as it is high.
    pub path: u32,
    /// Stands for the bytes: from 2, with few gaps, or 0 if nobody could name them.
    pub content: u32,
}

/// Numbers for the paths and contents of some records: the same name has the same number.
///
/// Who keeps records has them at hand, and sparing the search for them is half of a question's time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// For each read of each record.
    pub reads: Vec<Version>,
    /// For each write of each record.
    pub writes: Vec<Version>,
}

impl Codes {
    /// Gives out numbers by searching for each name among those before.
    pub(crate) fn of(records: &[&Record]) -> Self {
        let writes: usize = records.iter().map(|record| record.writes.len()).sum();
        let (mut paths, mut contents) = (NameMap::default(), NameMap::default());
        paths.reserve(writes);
        contents.reserve(writes);
        let mut number = |path, id: Option<ContentId>| {
            let next = count(paths.len());
            let path = *paths.entry(path).or_insert(next);
            let next = FIRST_CONTENT + count(contents.len());
            let content = id.map_or(UNNAMED, |id| *contents.entry(id).or_insert(next));
            Version { path, content }
        };
        let mut codes = Self::default();
        for record in records {
            let reads = record.reads.iter().map(|read| number(&read.path, read.id));
            codes.reads.extend(reads);
            let writes = record.writes.iter();
            let writes = writes.map(|write| number(&write.path, write.id));
            codes.writes.extend(writes);
        }
        codes
    }

    /// Returns whether there is a number for each name, and no more.
    fn fit(&self, records: &[&Record]) -> bool {
        let reads: usize = records.iter().map(|record| record.reads.len()).sum();
        let writes: usize = records.iter().map(|record| record.writes.len()).sum();
        (self.reads.len(), self.writes.len()) == (reads, writes)
    }
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
/// is nobody's product elsewhere: too many are alike. Nor is what was there already: if a record up
/// to that job itself had read those bytes at that path, they come from where the first such read
/// had them from. So the original of a copy does not come from the copy.
pub struct History<'r> {
    records: Vec<&'r Record>,
    /// Made when first asked for.
    paths: OnceLock<NameMap<&'r RecordedPath, PathCode>>,
    /// Made when first asked for.
    contents: OnceLock<NameMap<ContentId, ContentCode>>,
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

    /// Indexes records whose names have numbers already; numbers that do not fit are not used.
    pub fn with_codes(records: &'r [Record], codes: &Codes) -> Self {
        let records: Vec<_> = records.iter().collect();
        match codes.fit(&records) {
            true => Builder::default().build(records, codes.clone()),
            false => Self::of(records.into_iter()),
        }
    }

    pub(crate) fn of(records: impl Iterator<Item = &'r Record>) -> Self {
        let records: Vec<_> = records.collect();
        let codes = Codes::of(&records);
        Builder::default().build(records, codes)
    }

    /// Returns the records.
    pub fn records(&self) -> &[&'r Record] {
        &self.records
    }

    /// Returns the records that are the very same command as this, itself among them, ascending.
    pub fn runs_of_same_command(&self, record: usize) -> impl Iterator<Item = usize> {
        let command = |at: usize| {
            let it: &Record = self.records[at];
            (it.kind, &it.directory, &it.argv)
        };
        (0..self.records.len()).filter(move |&at| command(at) == command(record))
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
        let paths = self.paths.get_or_init(|| {
            let reads = self
                .coded_reads()
                .map(|(read, code)| (&read.path, code.path));
            let writes = self
                .coded_writes()
                .map(|(write, code)| (&write.path, code.path));
            reads.chain(writes).collect()
        });
        paths.get(path).copied()
    }

    /// Returns the number of some bytes, if any record wrote or read them.
    pub(crate) fn content_code(&self, id: ContentId) -> Option<ContentCode> {
        let contents = self.contents.get_or_init(|| {
            let reads = self
                .coded_reads()
                .map(|(read, code)| (read.id, code.content));
            let writes = self.coded_writes().filter(|(write, _)| write.remains());
            let writes = writes.map(|(write, code)| (write.id, code.content));
            let all = reads.chain(writes);
            all.filter_map(|(id, code)| Some((id?, code))).collect()
        });
        contents.get(&id).copied()
    }

    fn coded_reads(&self) -> impl Iterator<Item = (&'r Input, &Version)> {
        let records = self.records.iter().copied();
        records.flat_map(|record| &record.reads).zip(&self.reads)
    }

    fn coded_writes(&self) -> impl Iterator<Item = (&'r Output, &Write)> {
        let records = self.records.iter().copied();
        records.flat_map(|record| &record.writes).zip(&self.writes)
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
struct Builder {
    /// The last write of a content at a path.
    at_path: CodeMap<(PathCode, ContentCode), usize>,
    /// The last write of a content anywhere.
    anywhere: Vec<Option<usize>>,
    last: Vec<Option<usize>>,
    last_read: LastRead,
    writes: Vec<Write>,
    producers: Vec<Option<Producer>>,
    /// Of each content: whether any record wrote it. Most of what is read nobody did.
    ever_written: Vec<bool>,
    /// The first read of a content at a path that nobody had written it to.
    first_read: CodeMap<(PathCode, ContentCode), FirstRead>,
}

/// Who first read something somewhere, and who had made it as far as was known then.
#[derive(Clone, Copy)]
struct FirstRead {
    record: usize,
    producer: Option<Producer>,
}

impl Builder {
    fn build<'r>(mut self, records: Vec<&'r Record>, codes: Codes) -> History<'r> {
        let (mut read_starts, mut write_starts) = (vec![0], vec![0]);
        self.producers.reserve_exact(codes.reads.len());
        self.writes.reserve_exact(codes.writes.len());
        self.at_path.reserve(codes.writes.len());
        self.ever_written = ever_written(&codes);
        for (at, record) in records.iter().enumerate() {
            self.add_reads(at, record, &codes.reads[self.producers.len()..]);
            self.add_writes(at, record, &codes.writes[self.writes.len()..]);
            read_starts.push(self.producers.len());
            write_starts.push(self.writes.len());
        }
        let all = codes.reads.iter().chain(&codes.writes);
        let paths = all.map(|code| code.path as usize + 1).max();
        self.last.resize(paths.unwrap_or(0), None);
        History {
            records,
            paths: OnceLock::new(),
            contents: OnceLock::new(),
            reads: codes.reads,
            read_starts,
            writes: self.writes,
            write_starts,
            producers: self.producers,
            last: self.last,
        }
    }

    fn add_reads(&mut self, at: usize, record: &Record, versions: &[Version]) {
        for (read, &version) in record.reads.iter().zip(versions) {
            let producer = self.producer_of(at, version, read.size);
            self.producers.push(producer);
            self.last_read.note(at, version);
        }
    }

    fn add_writes(&mut self, at: usize, record: &Record, versions: &[Version]) {
        for ((output, written), version) in record.writes.iter().enumerate().zip(versions) {
            let content = match written.remains() {
                true => version.content,
                false => DELETED,
            };
            let write = Write {
                record: at,
                output,
                path: version.path,
                content,
                started_from: self.last_read.by(at, version.path),
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

    fn producer_of(&mut self, reader: usize, version: Version, size: u64) -> Option<Producer> {
        if !*self.ever_written.get(version.content as usize)? {
            return None;
        }
        match self.at_path.get(&(version.path, version.content)) {
            Some(&here) => Some(self.producer(here, version.path)),
            None if version.content == UNNAMED => None,
            None => self.producer_elsewhere(reader, version, size),
        }
    }

    fn producer_elsewhere(
        &mut self,
        reader: usize,
        version: Version,
        size: u64,
    ) -> Option<Producer> {
        let known = self.anywhere.get(version.content as usize).copied();
        let known = known.flatten().filter(|_| size > 0);
        let producer = known.map(|write| self.producer(write, version.path));
        let key = (version.path, version.content);
        let first = *self.first_read.entry(key).or_insert(FirstRead {
            record: reader,
            producer,
        });
        let was_there = |producer: Producer| first.record <= producer.record;
        match producer? {
            producer if was_there(producer) => first.producer,
            producer => Some(producer),
        }
    }

    /// Describes a write as where something was read from.
    fn producer(&self, write: usize, read_at: PathCode) -> Producer {
        let write = &self.writes[write];
        Producer {
            record: write.record,
            output: write.output,
            elsewhere: write.path != read_at,
        }
    }
}

/// Returns of each content whether any record wrote it.
fn ever_written(codes: &Codes) -> Vec<bool> {
    let contents = || codes.writes.iter().map(|code| code.content as usize);
    let mut written = vec![false; contents().max().map_or(0, |highest| highest + 1)];
    contents().for_each(|content| written[content] = true);
    written
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
