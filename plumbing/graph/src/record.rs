//! Records: jobs, flattened.

use crate::program;
use crate::replace::reads_no_more;
use roar_object::{
    ByteStr, Change, Class, ContentId, DatasetAt, JobKind, Mode, ObjectId, Outcome, RecordedPath,
    StepName, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A file that a job read, in the version that it read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Where it was.
    pub path: RecordedPath,
    /// Its bytes, unless nobody could name them.
    pub id: Option<ContentId>,
    /// What it is.
    pub mode: Mode,
    /// Its length in bytes.
    pub size: u64,
    /// What sort of file.
    pub class: Class,
}

/// A file that a job wrote or deleted, as the job left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Where it is.
    pub path: RecordedPath,
    /// What became of it.
    pub change: Change,
    /// Its bytes, unless nobody could name them; of a deleted file, the bytes that were lost.
    pub id: Option<ContentId>,
    /// What it is.
    pub mode: Mode,
    /// Its length in bytes.
    pub size: u64,
    /// What sort of file.
    pub class: Class,
}

impl Output {
    /// Returns whether the file is there after the job.
    pub const fn remains(&self) -> bool {
        !matches!(self.change, Change::Deleted)
    }

    /// Returns whether this is a product of the work, not a cache or an installed package.
    pub const fn is_product(&self) -> bool {
        matches!(self.class, Class::Data | Class::Code)
    }
}

/// One recorded job, with everything that the questions of this crate need.
///
/// Written as a MessagePack array by `rmp-serde`. Lists of files are sorted by path and name no path
/// twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The job.
    pub job: ObjectId,
    /// The step that it was recorded as.
    pub step: StepName,
    /// What sort of work it is.
    pub kind: JobKind,
    /// The command.
    pub argv: Vec<ByteStr>,
    /// Where it ran.
    pub directory: RecordedPath,
    /// What the user called it.
    pub name: Option<String>,
    /// How the command ended.
    pub outcome: Outcome,
    /// Whether it was cut short.
    pub interrupted: bool,
    /// When it began: nanoseconds since 1970.
    pub started_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// How much was seen of it.
    pub verdict: Verdict,
    /// Data and code that it read, sorted by path.
    pub reads: Vec<Input>,
    /// What it wrote, sorted by path.
    pub writes: Vec<Output>,
    /// The directories that it read or wrote as a whole.
    pub datasets: Vec<DatasetAt>,
}

impl Record {
    /// Returns what the job wrote and deleted, without caches and installed packages.
    pub fn products(&self) -> impl Iterator<Item = &Output> {
        self.writes.iter().filter(|output| output.is_product())
    }

    /// Returns whether the command said that all went well.
    pub const fn succeeded(&self) -> bool {
        self.outcome.is_success()
    }
}

/// Returns whether `later` is another run of the step that `earlier` is a run of.
///
/// Both must be of the same kind, [`program`] and directory. A run with products is another run of one
/// with products if the paths of one contain those of the other, and of one without if the whole
/// commands are equal; neither if it has read anything that `earlier` wrote, where it wrote it (the same
/// bytes elsewhere tell nothing). A run without products is another run of the same whole command if
/// that has none either; if that has some, it may have found them in place: unless it failed, it must
/// not have read any path that the other had not.
///
/// Inside a history more is known, and [`project`](crate::project) uses it: a job also stands for
/// the files that the run it replaced had left and that it did not change, no job replaces one
/// that it descends from, and what was found in place must still be there.
pub fn same_step(earlier: &Record, later: &Record) -> bool {
    let has_products = |record: &Record| record.products().next().is_some();
    let same_command = || earlier.argv == later.argv;
    same_program(earlier, later)
        && match (has_products(earlier), has_products(later)) {
            (true, true) => one_contains_the_other(earlier, later) && !reads_from(later, earlier),
            (false, _) => same_command() && !reads_from(later, earlier),
            (true, false) => {
                same_command() && (!later.succeeded() || reads_no_more(later, earlier))
            }
        }
}

fn same_program(a: &Record, b: &Record) -> bool {
    a.kind == b.kind && a.directory == b.directory && program(&a.argv) == program(&b.argv)
}

fn one_contains_the_other(a: &Record, b: &Record) -> bool {
    let of = |record: &'_ Record| -> HashSet<RecordedPath> {
        record
            .products()
            .map(|output| output.path.clone())
            .collect()
    };
    let (a, b) = (of(a), of(b));
    a.is_subset(&b) || b.is_subset(&a)
}

fn reads_from(later: &Record, earlier: &Record) -> bool {
    let read: HashMap<_, _> = later
        .reads
        .iter()
        .map(|read| (&read.path, read.id))
        .collect();
    let was_read = |output: &Output| read.get(&output.path) == Some(&output.id);
    earlier
        .writes
        .iter()
        .any(|output| output.remains() && was_read(output))
}
