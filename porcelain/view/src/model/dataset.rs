//! Who had to do with a directory that was read or written as a whole.

use super::dag::node_of;
use super::{Bytes, FileKind, NodeView, SCHEMA};
use roar_graph::{History, Projection, Record};
use roar_object::{Class, ContentId, DatasetAt, RecordedPath, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a dataset comes from, and who read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Always a dataset.
    pub kind: FileKind,
    /// The directory.
    pub path: Bytes,
    /// Its name.
    pub hash: String,
    /// How many files it has.
    pub files: u64,
    /// Their bytes.
    pub size: u64,
    /// Every job that wrote it or some of its files, first to last.
    pub writers: Vec<DatasetJob>,
    /// Every job that read it or some of its files, first to last.
    pub readers: Vec<DatasetJob>,
    /// The last job that has left something else in the directory since, if one has.
    pub overwrote: Option<DatasetJob>,
    /// How it differs from what lies there now; null if that was not looked at.
    pub on_disk: Option<OnDiskView>,
}

/// How many files of a dataset are not on disk as they were recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDiskView {
    /// Something else is there.
    pub modified: u64,
    /// Nothing is there.
    pub missing: u64,
}

/// A job that wrote or read files of a dataset, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetJob {
    /// Where it wrote or read the dataset.
    pub path: Bytes,
    /// How many of the files.
    pub files: u64,
    /// The job.
    #[serde(flatten)]
    pub node: NodeView,
}

impl DatasetView {
    /// Describes where a dataset comes from that a record read or wrote.
    pub fn new<'r>(projection: &Projection<'r>, record: usize, set: &'r DatasetAt) -> Self {
        let history = projection.history();
        let members = Members::of(history, record, set);
        let job = |(record, (path, files)): (usize, (&RecordedPath, u64))| DatasetJob {
            path: Bytes::path(path),
            files,
            node: node_of(projection, record),
        };
        let jobs = |role: Role| members.jobs(history, role).into_iter().map(job).collect();
        let later = members.last_change(history);
        Self {
            schema: SCHEMA,
            kind: FileKind::Dataset,
            path: Bytes::path(&set.path),
            hash: set.tree.to_string(),
            files: set.files,
            size: set.bytes,
            writers: jobs(Role::Written),
            readers: jobs(Role::Read),
            overwrote: later.map(|(record, files)| job((record, (&set.path, files)))),
            on_disk: None,
        }
    }
}

/// A file: its path and its bytes.
type File<'r> = (&'r RecordedPath, Option<ContentId>);

/// The files of a dataset, as the job had them that read or wrote it as a whole.
struct Members<'r> {
    record: usize,
    set: &'r DatasetAt,
    /// Sorted by path.
    files: Vec<File<'r>>,
    /// Of those that jobs made elsewhere: how many each.
    elsewhere: BTreeMap<usize, u64>,
}

impl<'r> Members<'r> {
    fn of(history: &History<'r>, record: usize, set: &'r DatasetAt) -> Self {
        let job = history.records()[record];
        let mut elsewhere = BTreeMap::new();
        if set.role == Role::Read {
            let inside = |place: &usize| job.reads[*place].path.is_under(&set.path);
            let places = (0..job.reads.len()).filter(inside);
            let made = places.filter_map(|place| history.producer(record, place));
            for producer in made.filter(|producer| producer.elsewhere) {
                *elsewhere.entry(producer.record).or_default() += 1;
            }
        }
        Self {
            record,
            set,
            files: files_of(job, set.role, &set.path).collect(),
            elsewhere,
        }
    }

    /// Returns the jobs that had to do with it in that role: where, and with how many of its files.
    fn jobs(&self, history: &History<'r>, role: Role) -> BTreeMap<usize, (&'r RecordedPath, u64)> {
        let mut jobs = BTreeMap::new();
        for (at, job) in history.records().iter().enumerate() {
            let whole = job.datasets.iter();
            let whole = whole.filter(|it| it.role == role && it.tree == self.set.tree);
            if let Some(whole) = whole.max_by_key(|it| it.path == self.set.path) {
                jobs.insert(at, (&whole.path, whole.files));
                continue;
            }
            let part = self.held_by(files_of(job, role, &self.set.path));
            let elsewhere = self.elsewhere.get(&at).filter(|_| role == Role::Written);
            match part.max(elsewhere.copied().unwrap_or(0)) {
                0 => {}
                part => drop(jobs.insert(at, (&self.set.path, part))),
            }
        }
        jobs
    }

    /// Counts the members among files that are sorted as they are.
    fn held_by(&self, files: impl Iterator<Item = File<'r>>) -> u64 {
        let mut members = self.files.iter().copied().peekable();
        let mut held = 0;
        for (path, id) in files {
            while members.next_if(|(member, _)| *member < path).is_some() {}
            let same = members.peek() == Some(&(path, id));
            held += u64::from(same);
        }
        held
    }

    /// Returns the last job that has left something else there since, and in how many files.
    fn last_change(&self, history: &History<'r>) -> Option<(usize, u64)> {
        let later = (self.record + 1..history.records().len()).rev();
        let mut changes = later.map(|at| (at, self.changed_by(history, at)));
        changes.find(|&(_, files)| files > 0)
    }

    /// Counts the files below that a job left as they are now, and that the dataset has not so.
    fn changed_by(&self, history: &History<'r>, record: usize) -> u64 {
        let written = history.records()[record].products();
        let written = written.filter(|file| file.path.is_under(&self.set.path));
        let stands = |path: &RecordedPath| {
            history
                .latest_write(path)
                .is_some_and(|at| at.record == record)
        };
        let changed = written.filter(|file| {
            let member = self
                .files
                .binary_search_by(|(path, _)| (*path).cmp(&file.path));
            let is_other = match member {
                Ok(at) => !file.remains() || self.files[at].1 != file.id,
                Err(_) => file.remains(),
            };
            is_other && stands(&file.path)
        });
        changed.count() as u64
    }
}

/// Returns the data in a directory that a job read or left, as far as its bytes are known.
fn files_of<'r>(
    job: &'r Record,
    role: Role,
    directory: &'r RecordedPath,
) -> impl Iterator<Item = File<'r>> {
    let (reads, writes) = match role {
        Role::Read => (job.reads.as_slice(), [].as_slice()),
        _ => ([].as_slice(), job.writes.as_slice()),
    };
    let reads = reads.iter().map(|file| (&file.path, file.id, file.class));
    let left = writes.iter().filter(|file| file.remains());
    let all = reads.chain(left.map(|file| (&file.path, file.id, file.class)));
    let inside = all.filter(|(path, id, class)| {
        *class == Class::Data && id.is_some() && path.is_under(directory)
    });
    inside.map(|(path, id, _)| (path, id))
}
