//! Records: jobs, flattened.

use roar_object::{
    ByteStr, Change, Class, ContentId, DatasetAt, JobKind, Mode, ObjectId, Outcome, RecordedPath,
    StepName, Verdict,
};
use serde::{Deserialize, Serialize};

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
    /// The job that the user asked to be run again.
    pub repeats: Option<ObjectId>,
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
