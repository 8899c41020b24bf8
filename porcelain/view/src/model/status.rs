//! The log, and how things stand.

use super::dag::exit_and_signal;
use super::{Bytes, GitView, JobState, SCHEMA};
use roar_graph::{Projection, State};
use serde::{Deserialize, Serialize};

/// A job in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The job.
    pub id: String,
    /// `@3`, or `@B1` for a build.
    pub step: String,
    /// `run`, `build`, `get` or `put`.
    pub kind: String,
    /// What the user called it.
    pub name: Option<String>,
    /// The command.
    pub argv: Vec<Bytes>,
    /// Where it ran.
    pub cwd: Bytes,
    /// How far it got.
    pub state: JobState,
    /// What it is in the DAG: `current`, `stale`, `superseded` or `failed`.
    pub dag_state: String,
    /// The exit code; null if a signal ended it or nobody saw the end.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When it began: nanoseconds since 1970.
    pub started_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// How much was seen: `complete`, `partial`, `blind` or `declared`.
    pub verdict: String,
    /// How many files it read as inputs.
    pub inputs: usize,
    /// How many files it wrote.
    pub outputs: usize,
}

impl LogEntry {
    /// Describes a record.
    pub fn new(projection: &Projection<'_>, record: usize) -> Self {
        let job = projection.history().records()[record];
        let (exit, signal) = exit_and_signal(job.outcome);
        Self {
            id: job.job.to_string(),
            step: job.step.to_string(),
            kind: job.kind.name().to_owned(),
            name: job.name.clone(),
            argv: Bytes::words(&job.argv),
            cwd: Bytes::path(&job.directory),
            state: JobState::of(job),
            dag_state: projection.state(record).name().to_owned(),
            exit,
            signal,
            started_ns: job.started_ns,
            duration_ns: job.duration_ns,
            verdict: job.verdict.name().to_owned(),
            inputs: projection.history().inputs_of(record).count(),
            outputs: job.products().count(),
        }
    }
}

/// The jobs of a session, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The session's name.
    pub session: String,
    /// How many jobs the session has.
    pub total: usize,
    /// Those that are shown, latest first.
    pub jobs: Vec<LogEntry>,
}

impl LogView {
    /// Describes the records of these places, in this order.
    pub fn new(
        session: &str,
        projection: &Projection<'_>,
        records: impl IntoIterator<Item = usize>,
    ) -> Self {
        let entry = |record| LogEntry::new(projection, record);
        Self {
            schema: SCHEMA,
            session: session.to_owned(),
            total: projection.history().records().len(),
            jobs: records.into_iter().map(entry).collect(),
        }
    }
}

/// How many jobs there are of each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounts {
    /// Current ones.
    pub current: usize,
    /// Stale ones.
    pub stale: usize,
    /// Superseded ones.
    pub superseded: usize,
    /// Failed ones.
    pub failed: usize,
}

impl StepCounts {
    /// Counts the records of a projection.
    pub fn new(projection: &Projection<'_>) -> Self {
        let mut counts = Self::default();
        for record in 0..projection.history().records().len() {
            match projection.state(record) {
                State::Current => counts.current += 1,
                State::Stale => counts.stale += 1,
                State::Superseded => counts.superseded += 1,
                State::Failed => counts.failed += 1,
            }
        }
        counts
    }
}

/// How a file on the disk differs from what the world holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftKind {
    /// It has other bytes.
    Modified,
    /// It has the same bytes, and may be executed now and could not be before, or the other way round.
    Mode,
    /// It is not there.
    Missing,
    /// A recorded job deleted it, and it is there again.
    Returned,
    /// It is new in a directory that was read as a whole.
    Added,
}

/// A file that was changed outside of recorded jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftView {
    /// The file.
    pub path: Bytes,
    /// What is different.
    pub state: DriftKind,
    /// Whether it may be executed now, if that is what is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// The step that wrote it last, or read it where none wrote it.
    pub step: String,
    /// The bytes it was recorded with.
    pub recorded: Option<String>,
    /// The bytes it has now.
    pub hash: Option<String>,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The project's directory.
    pub project: Bytes,
    /// The session's name.
    pub session: String,
    /// The session's hash.
    pub head: Option<String>,
    /// The state of the code now; null outside git.
    pub git: Option<GitView>,
    /// How many jobs there are of each state.
    pub jobs: StepCounts,
    /// The latest job.
    pub latest: Option<LogEntry>,
    /// Stale steps, in the order in which they should be run again.
    pub stale: Vec<String>,
    /// Files that were changed outside of recorded jobs.
    pub drift: Vec<DriftView>,
    /// What else should be known, in plain words: records that wait, a store that could not be
    /// opened.
    pub notes: Vec<String>,
}
