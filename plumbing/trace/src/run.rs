//! Running a command under observation.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roar_events::{Digest, Version};
use roar_launch::{Command, Finished, LaunchError};
use roar_observe::Observation;

use crate::backend::{Backend, Choice, PreflightError, preflight};
use crate::coverage::{Coverage, Evidence};
use crate::looks::Looks;
use crate::spool::Sink;
use crate::state::{state_of, version_of};
use crate::tracer::{Notebook, Tracer};

/// Held by the one run that a process can have at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Names the content of files.
pub trait Namer {
    /// Returns the digest of the regular file at `path` and the version that has that content.
    ///
    /// `None` when it cannot be read, or does not hold still. The run waits meanwhile.
    fn name(&mut self, path: &Path) -> Option<(Digest, Version)>;
}

/// Names nothing: what is read and then changed stays unnamed.
impl Namer for () {
    fn name(&mut self, _path: &Path) -> Option<(Digest, Version)> {
        None
    }
}

/// Gives one name to every content, for those who ask what was touched and not what was in it.
///
/// No reason is ever told for want of a name: not for a file that this process's own output goes to
/// either.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

impl Namer for Unread {
    fn name(&mut self, path: &Path) -> Option<(Digest, Version)> {
        let meta = std::fs::metadata(path).ok()?;
        Some((Digest::default(), version_of(&meta)))
    }
}

/// How to watch.
pub struct Options<'a> {
    /// Which event source to use.
    pub choice: Choice,
    /// How long to go on watching processes that outlive the command.
    pub grace: Duration,
    /// Who names content before it changes.
    pub namer: &'a mut dyn Namer,
    /// Who keeps the records while the command runs.
    pub sink: &'a mut dyn Sink,
    /// The library (`roar_preload::install`) with which programs note themselves what they open for
    /// reading, should they be given it. What is seen does not depend on it.
    pub library: Option<&'a Path>,
}

/// A run, watched to its end.
#[derive(Clone, Debug)]
pub struct Trace {
    /// How the command ended, and when.
    pub finished: Finished,
    /// What it did.
    pub observation: Observation,
    /// How much of that was seen.
    pub coverage: Coverage,
    /// Where it looked, if the command was to be watched for that ([`Command::looks`]).
    pub looks: Option<Looks>,
}

/// A command that was not run.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No way of watching works here.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The command did not start.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

/// Runs `command` to its end and tells which files it read and wrote.
///
/// Meanwhile signals and children of this process belong to the event source. So a second run in
/// the same process waits for the first, and threads that were started before must keep `SIGCHLD`
/// blocked, or its end may go unnoticed.
///
/// # Errors
///
/// When the command did not start. It is never started twice.
pub fn run(command: &Command, options: Options<'_>) -> Result<Trace, TraceError> {
    let Options {
        choice,
        grace,
        namer,
        sink,
        library,
    } = options;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let backend = preflight(choice)?;
    // Where it is told what a run looks for in vain, that is asked before the program goes on.
    let library = library.filter(|_| !command.looks);
    let notebook = library.and_then(Notebook::begin);
    let command = match &notebook {
        Some(notebook) => &notebook.equip(command),
        None => command,
    };
    let mut tracer = Tracer::new(namer, sink, command.looks, notebook);
    let finished = watch(backend, command, &mut tracer, grace)?;
    tracer.finish();
    let observation = tracer.spool.fold.observe(state_of);
    let looks = tracer.looks.take();
    let looks = looks.map(|looks| looks.settle(&tracer.spool.fold));
    let coverage = Evidence {
        backend: backend.name(),
        started: tracer.started,
        observation: &observation,
        missed: &tracer.missed,
        others: of_source(&finished),
    };
    let coverage = coverage.judge();
    Ok(Trace {
        finished,
        observation,
        coverage,
        looks,
    })
}

/// Runs `command` to its end without watching it: for where nothing can, because of `why`.
///
/// All but what is told of files is as for [`run`].
///
/// # Errors
///
/// When the command did not start. It is never started twice.
pub fn run_unwatched(command: &Command, why: String) -> Result<Trace, TraceError> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let finished = roar_launch::run_unwatched(command)?;
    Ok(Trace {
        finished,
        observation: Observation::default(),
        coverage: Coverage::blind(why),
        looks: None,
    })
}

fn watch(
    backend: Backend,
    command: &Command,
    tracer: &mut Tracer<'_>,
    grace: Duration,
) -> Result<Finished, LaunchError> {
    match backend {
        Backend::Notify => roar_notify::run(command, tracer, roar_notify::Options { grace }),
        Backend::Ptrace => roar_ptrace::run(command, tracer, roar_ptrace::Options { grace }),
    }
}

/// Returns what the source itself knows to be missing.
fn of_source(finished: &Finished) -> Vec<String> {
    let mut gaps = finished.gaps.clone();
    if finished.outlived {
        gaps.push("processes of the run were still running when watching stopped".to_owned());
    }
    gaps
}
