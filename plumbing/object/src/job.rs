//! Jobs: one run of a step and what came of it.

use crate::canonical::ascends;
use crate::code::{Version1, coded};
use crate::{Base, Body, ByteStr, Class, Kind, ObjectId, RecordedPath};
use serde::{Deserialize, Serialize};

coded! {
    /// What became of a file.
    pub enum Change {
        /// It was not there before.
        Created = 1,
        /// It was there, and the run wrote it.
        Modified = 2,
        /// It was there and is no more; the tree names the bytes that were lost, where known.
        Deleted = 3,
    }
}

impl Change {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the change that goes by this word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Created, Self::Modified, Self::Deleted]
            .into_iter()
            .find(|change| change.name() == name)
    }
}

/// The files of one class below one base that changed in one way, as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenSet {
    /// What became of the files.
    pub change: Change,
    /// What sort of files.
    pub class: Class,
    /// What the tree's root stands for.
    pub base: Base,
    /// The tree of paths.
    pub tree: ObjectId,
    /// How many files are in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How the command ended. Written as a code and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u8, i32)", into = "(u8, i32)")]
pub enum Outcome {
    /// It returned this exit code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// Nobody saw its end: roar itself was killed first.
    Unknown,
}

impl From<(u8, i32)> for Outcome {
    fn from((code, value): (u8, i32)) -> Self {
        match code {
            1 => Self::Exited(value),
            2 => Self::Killed(value),
            // Any other code encodes to something else than it was read from, and is refused.
            _ => Self::Unknown,
        }
    }
}

impl From<Outcome> for (u8, i32) {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Exited(code) => (1, code),
            Outcome::Killed(signal) => (2, signal),
            Outcome::Unknown => (3, 0),
        }
    }
}

impl Outcome {
    /// Returns the code that a shell would report, if the end is known.
    pub const fn shell_code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Killed(signal) => Some(signal.saturating_add(128)),
            Self::Unknown => None,
        }
    }

    /// Returns whether the command said that all went well.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

coded! {
    /// Which side of a job something is on.
    pub enum Role {
        /// The job read it.
        Read = 1,
        /// The job wrote it.
        Written = 2,
        /// The job deleted it, or moved it away.
        Deleted = 3,
    }
}

/// A directory that a job read, wrote or deleted as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetAt {
    /// Whether it was read, written or deleted.
    pub role: Role,
    /// The directory.
    pub path: RecordedPath,
    /// Its name as a dataset: what `roar hash-dataset` printed for it then. Files of a deleted one whose
    /// bytes nobody had named are in it without them.
    pub tree: ObjectId,
    /// How many files are in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

coded! {
    /// How much of the run was seen.
    pub enum Verdict {
        /// Everything.
        Complete = 1,
        /// Not everything; the reasons say what is missing.
        Partial = 2,
        /// Nothing that can be relied on.
        Blind = 3,
        /// Nobody watched: the job was described, not run here.
        Declared = 4,
    }
}

impl Verdict {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Blind => "blind",
            Self::Declared => "declared",
        }
    }
}

/// How much of the run was seen, by what means, and what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The judgement.
    pub verdict: Verdict,
    /// The event source, such as `notify`.
    pub backend: String,
    /// What was not seen, in plain words.
    pub reasons: Vec<String>,
}

/// One process of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Which process in the list started it; its own place if it is the first or that is unknown.
    pub parent: u32,
    /// The last program that it executed.
    pub program: ByteStr,
}

/// The process tree in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    /// How many processes there were.
    pub count: u64,
    /// The first of them, at most [`Processes::LISTED`].
    pub list: Vec<Process>,
}

impl Processes {
    /// Most processes that are listed one by one.
    pub const LISTED: usize = 32;
}

/// One run of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    version: Version1,
    /// What was run on what.
    pub step: ObjectId,
    /// What the user called it.
    pub name: Option<String>,
    /// When it began: nanoseconds since 1970.
    pub started_ns: i64,
    /// How long it took, by a clock that never jumps.
    pub duration_ns: u64,
    /// How the command ended.
    pub outcome: Outcome,
    /// Whether it was cut short: by a signal that was meant to end it, or because roar was killed.
    pub interrupted: bool,
    /// How much was seen.
    pub coverage: Coverage,
    /// What it wrote, sorted by change, class and base; no set is empty.
    pub writes: Vec<WrittenSet>,
    /// The directories it read or wrote as a whole, sorted by role and path, none inside another.
    pub datasets: Vec<DatasetAt>,
    /// The state of the code when it began.
    pub source: Option<ObjectId>,
    /// The environment variables whose values are not kept.
    pub variables: Option<ObjectId>,
    /// The process tree in short.
    pub processes: Processes,
    /// The job whose command this ran again, if `roar run @N` started it.
    pub reruns: Option<ObjectId>,
}

impl Job {
    /// Makes a job that wrote nothing; the other fields are the caller's to fill in.
    pub fn new(
        step: ObjectId,
        started_ns: i64,
        duration_ns: u64,
        outcome: Outcome,
        coverage: Coverage,
    ) -> Self {
        Self {
            version: Version1,
            step,
            name: None,
            started_ns,
            duration_ns,
            outcome,
            interrupted: false,
            coverage,
            writes: Vec::new(),
            datasets: Vec::new(),
            source: None,
            variables: None,
            processes: Processes::default(),
            reruns: None,
        }
    }
}

impl Body for Job {
    const KIND: Kind = Kind::Job;

    fn check(&self) -> Result<(), String> {
        if !ascends(&self.writes, |set| (set.change, set.class, set.base)) {
            return Err("its file sets are not in order".to_owned());
        }
        if !ascends(&self.datasets, |set| (set.role, &set.path)) {
            return Err("its datasets are not in order".to_owned());
        }
        if matches!(self.outcome, Outcome::Killed(signal) if !(1..=127).contains(&signal)) {
            return Err("it was killed by a signal that there is not".to_owned());
        }
        let parent_in_list =
            |process: &Process| (process.parent as usize) < self.processes.list.len();
        if !self.processes.list.iter().all(parent_in_list) {
            return Err("a process has a parent that is not listed".to_owned());
        }
        Ok(())
    }
}
