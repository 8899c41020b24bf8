//! One job.

use super::dag::{exit_and_signal, stale};
use super::file::{Members, code, inputs, outputs};
use super::{Bytes, FileView, JobFacts, SCHEMA, StaleView};
use roar_graph::{Projection, Record};
use roar_object::{Class, Environment, FileSet, Processes, Source};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a job got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Its command ended well.
    Finished,
    /// Its command said that something went wrong.
    Failed,
    /// It was cut short.
    Interrupted,
}

impl JobState {
    /// Tells how far a job got.
    pub const fn of(record: &Record) -> Self {
        if record.interrupted {
            Self::Interrupted
        } else if record.succeeded() {
            Self::Finished
        } else {
            Self::Failed
        }
    }

    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The state of the code when a job began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitView {
    /// The commit.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Where the repository can be had.
    pub remote: Option<String>,
    /// Whether there were changes that no commit holds.
    pub dirty: bool,
    /// The git tree that holds the exact state, when it was kept.
    pub tree: Option<String>,
    /// Why git could not be asked, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

impl From<&Source> for GitView {
    fn from(source: &Source) -> Self {
        Self {
            commit: source.commit.clone(),
            branch: source.branch.clone(),
            remote: source.remote.clone(),
            dirty: source.dirty,
            tree: source.tree.clone(),
            broken: source.broken.clone(),
        }
    }
}

/// How much of a run was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageView {
    /// `complete`, `partial`, `blind` or `declared`.
    pub verdict: String,
    /// The event source.
    pub backend: String,
    /// What was not seen.
    pub reasons: Vec<String>,
}

/// A package that a run used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageView {
    /// `python`, `debian` …
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its version; empty when it is not known.
    pub version: String,
}

/// The machine and the packages that a job ran with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentView {
    /// Facts by name.
    pub facts: BTreeMap<String, String>,
    /// Packages.
    pub packages: Vec<PackageView>,
}

impl From<&Environment> for EnvironmentView {
    fn from(environment: &Environment) -> Self {
        let packages = environment.packages.iter().map(|package| PackageView {
            manager: package.manager.clone(),
            name: package.name.clone(),
            version: package.version.clone(),
        });
        Self {
            facts: environment.facts.iter().cloned().collect(),
            packages: packages.collect(),
        }
    }
}

/// One process of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// The place in the list of the process that started it.
    pub parent: u32,
    /// The last program that it executed.
    pub program: Bytes,
}

/// The process tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessesView {
    /// How many processes there were.
    pub count: u64,
    /// The first of them.
    pub list: Vec<ProcessView>,
}

impl From<&Processes> for ProcessesView {
    fn from(processes: &Processes) -> Self {
        let list = processes.list.iter().map(|process| ProcessView {
            parent: process.parent,
            program: Bytes(process.program.0.clone()),
        });
        Self {
            count: processes.count,
            list: list.collect(),
        }
    }
}

/// Files that were read and are counted only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemainderView {
    /// `package` or `system`.
    pub class: String,
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One job, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The job.
    pub id: String,
    /// `run`, `build`, `get` or `put`.
    pub kind: String,
    /// `@3`, or `@B1` for a build.
    pub step: String,
    /// What the user called it.
    pub name: Option<String>,
    /// The command.
    pub argv: Vec<Bytes>,
    /// Where it ran.
    pub cwd: Bytes,
    /// The exit code; null if a signal ended it or nobody saw the end.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When it began: nanoseconds since 1970.
    pub started_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// How far it got.
    pub state: JobState,
    /// What it is in the DAG: `current`, `stale`, `superseded` or `failed`.
    pub dag_state: String,
    /// Why it is stale; empty if it is not.
    pub stale: Vec<StaleView>,
    /// The job that took its place, if one did.
    pub replaced_by: Option<String>,
    /// The job whose products it found in place, if it made none itself.
    pub found: Option<String>,
    /// The job whose command it ran again.
    pub reruns: Option<String>,
    /// What it read: data, and code that a recorded job made; and what earlier runs of its step read for
    /// what they left.
    pub inputs: Vec<FileView>,
    /// What it wrote.
    pub outputs: Vec<FileView>,
    /// Code that it read.
    pub code: Vec<FileView>,
    /// What else it read, counted.
    pub others: Vec<RemainderView>,
    /// What else it wrote and left there, counted.
    #[serde(default)]
    pub others_written: Vec<RemainderView>,
    /// The state of the code; null outside git.
    pub git: Option<GitView>,
    /// How much was seen.
    pub coverage: CoverageView,
    /// The machine and the packages.
    pub environment: Option<EnvironmentView>,
    /// Environment variables that are kept by value.
    pub variables: BTreeMap<String, Bytes>,
    /// Names of environment variables whose values are not kept.
    pub hidden_variables: Vec<Bytes>,
    /// The process tree.
    pub processes: ProcessesView,
}

impl JobView {
    /// Describes a record of a session with what was looked up for it. The members of large datasets are not
    /// listed.
    pub fn new(projection: &Projection<'_>, record: usize, facts: &JobFacts<'_>) -> Self {
        Self::with(projection, record, facts, Members::Listed)
    }

    /// As [`JobView::new`], with the members of every dataset.
    pub fn whole(projection: &Projection<'_>, record: usize, facts: &JobFacts<'_>) -> Self {
        Self::with(projection, record, facts, Members::All)
    }

    fn with(
        projection: &Projection<'_>,
        record: usize,
        facts: &JobFacts<'_>,
        members: Members,
    ) -> Self {
        let records = projection.history().records();
        let job = records[record];
        let (exit, signal) = exit_and_signal(job.outcome);
        let id = |record: usize| records[record].job.to_string();
        Self {
            schema: SCHEMA,
            id: job.job.to_string(),
            kind: job.kind.name().to_owned(),
            step: job.step.to_string(),
            name: job.name.clone(),
            argv: Bytes::words(&job.argv),
            cwd: Bytes::path(&job.directory),
            exit,
            signal,
            started_ns: job.started_ns,
            duration_ns: job.duration_ns,
            state: JobState::of(job),
            dag_state: projection.state(record).name().to_owned(),
            stale: stale(projection, record),
            replaced_by: projection.replaced_by(record).map(id),
            found: projection.found(record).map(id),
            reruns: facts.reruns.map(|id| id.to_string()),
            inputs: inputs(projection, record, members),
            outputs: outputs(projection, record, members),
            code: code(job),
            others: others(facts.reads),
            others_written: others_written(job),
            git: facts.source.map(GitView::from),
            coverage: CoverageView {
                verdict: facts.coverage.verdict.name().to_owned(),
                backend: facts.coverage.backend.clone(),
                reasons: facts.coverage.reasons.clone(),
            },
            environment: facts.environment.map(EnvironmentView::from),
            variables: variables(facts),
            hidden_variables: hidden_variables(facts),
            processes: facts.processes.into(),
        }
    }
}

/// Counts what was read of the classes that no record lists.
fn others(sets: &[FileSet]) -> Vec<RemainderView> {
    let of = |class: Class| {
        let sets = || sets.iter().filter(move |set| set.class == class);
        RemainderView {
            class: class.name().to_owned(),
            files: sets().map(|set| set.files).sum(),
            bytes: sets().map(|set| set.bytes).sum(),
        }
    };
    let all = [Class::Package, Class::System].map(of);
    all.into_iter().filter(|rest| rest.files > 0).collect()
}

/// Counts what was written of the classes that no view lists.
fn others_written(job: &Record) -> Vec<RemainderView> {
    let of = |class: Class| {
        let left = || {
            job.writes
                .iter()
                .filter(move |file| file.class == class && file.remains())
        };
        RemainderView {
            class: class.name().to_owned(),
            files: left().count() as u64,
            bytes: left().map(|file| file.size).sum(),
        }
    };
    let all = [Class::Package, Class::System].map(of);
    all.into_iter().filter(|rest| rest.files > 0).collect()
}

/// Lists variables by name; a name that is no text is shown escaped, for a JSON key must be text.
fn variables(facts: &JobFacts<'_>) -> BTreeMap<String, Bytes> {
    let name = |name: &[u8]| match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => crate::word(name),
    };
    let list = facts.variables.iter();
    list.map(|(key, value)| (name(key), Bytes(value.0.clone())))
        .collect()
}

fn hidden_variables(facts: &JobFacts<'_>) -> Vec<Bytes> {
    let list = facts
        .hidden_variables
        .iter()
        .flat_map(|variables| &variables.list);
    list.map(|(name, _)| Bytes(name.0.clone())).collect()
}
