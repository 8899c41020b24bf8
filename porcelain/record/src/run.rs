//! Running a command and recording it.
//!
//! The command comes first. Whatever happens to the record, the command's output and its end are its
//! own, and the report says where the record is: in the store, in a spool file that a later command
//! takes in, or nowhere.

use crate::assemble::{self, Assembled, Parts, Tools};
use crate::contents::CacheNamer;
use crate::keep::{self, KeptBytes};
use crate::leave::{Left, Recorder};
use crate::looked::Looked;
use crate::request::Plan;
use crate::setting::Setting;
use crate::sorted::Sorted;
use crate::spooled::Head;
use crate::streams::Streams;
use crate::{key, scrub, variables};
use roar_content::HashCache;
use roar_launch::Uninterrupted;
use roar_object::{
    Base, ByteStr, Class, Coverage, DatasetAt, ObjectId, Outcome, RecordedPath, StepName, Verdict,
};
use roar_repo::config::ConfigError;
use roar_repo::filters::{FilterError, Filters};
use roar_repo::{AddError, Workspace, flatten};
use roar_store::{Notice, Wait};
use roar_trace::{Exit, Finished, Trace, TraceError};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the record of a run is.
#[derive(Debug)]
pub enum Recorded {
    /// In the store, as this step.
    Stored {
        /// The step.
        step: StepName,
    },
    /// In a file that the next command which can will take in.
    Left {
        /// The file.
        path: std::path::PathBuf,
        /// Why it is not in the store.
        why: String,
    },
    /// Nowhere.
    Lost {
        /// Why.
        why: String,
    },
}

/// A file as a report tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Where it is.
    pub path: RecordedPath,
    /// What sort of file.
    pub class: Class,
    /// Its bytes.
    pub size: u64,
    /// What became of it; nothing for a file that was read.
    pub change: Option<roar_object::Change>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// How the command ended.
    pub outcome: Outcome,
    /// Whether it was cut short by a signal meant to end it.
    pub interrupted: bool,
    /// How long it took.
    pub duration: Duration,
    /// The job.
    pub job: ObjectId,
    /// Where the record is.
    pub recorded: Recorded,
    /// How much was seen.
    pub coverage: Coverage,
    /// What was read.
    pub reads: Vec<Touched>,
    /// What was written.
    pub writes: Vec<Touched>,
    /// The directories that were read or written as a whole.
    pub datasets: Vec<DatasetAt>,
    /// How many arguments had a secret taken out before they were recorded.
    pub scrubbed: usize,
    /// What became of the bytes of its outputs, if any were to be kept.
    pub kept: Option<KeptBytes>,
    /// What else happened in the store.
    pub notices: Vec<Notice>,
    /// Whether roar's own messages would end up in a file that is an output of the run.
    pub stderr_is_output: bool,
}

/// Why a command did not run, or cannot be recorded as the settings say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The command did not start.
    #[error(transparent)]
    Start(#[from] TraceError),
    /// A setting has a value that it does not take.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Runs the command of a plan, once, and records it.
///
/// `wait` is how to wait for the store afterwards.
///
/// # Errors
///
/// When the command did not run. What goes wrong later is told by the report.
pub fn run(workspace: &Workspace, plan: &Plan, wait: Wait<'_>) -> Result<Report, RunError> {
    let config = workspace.config();
    let filters = Filters::load(config)?.in_project(workspace.root());
    let limits = keep::Limits::of(workspace)?;
    let min_files = usize::try_from(config.number("dataset.min_files")?).unwrap_or(usize::MAX);
    let setting = Setting::new(workspace, key::load(&workspace.dot())).knowing(plan.environment());
    let cache = open_cache(workspace, config.flag("hash.cache")?);
    let (head, scrubbed) = head(
        workspace,
        plan,
        &setting,
        &config.words("environment.variables")?,
    );

    // From here on a run would be lost. What is meant for the command is handed on to it.
    let _uninterrupted = Uninterrupted::begin();
    let mut recorder = Recorder::begin(workspace, &head);
    let trace = watch(plan, &cache, &mut recorder);
    let trace = match trace {
        Ok(trace) => trace,
        Err(err) => {
            recorder.forget();
            return Err(err.into());
        }
    };
    let tools = Tools {
        filters: &filters,
        cache: &cache,
        setting: &setting,
        min_files,
    };
    let interrupted = is_interrupted(&trace.finished);
    let outcome = outcome(&trace.finished);
    let duration = trace.finished.duration;
    let parts = Parts {
        head: &head,
        outcome,
        interrupted,
        duration_ns: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
        coverage: coverage(&trace.coverage),
        files: trace.observation.files,
        processes: &trace.observation.processes,
        code: Some(&plan.code),
    };
    let assembled = assemble::assemble(parts, &tools);
    let is_whole = assembled.coverage.verdict == Verdict::Complete && outcome.is_success();
    let looks = trace.looks.filter(|_| is_whole);
    let (program, sorted) = (plan.program(), &assembled.sorted);
    let looked = Looked::after(program, looks, sorted, &head, &filters);
    keep_looked(workspace, &looked, assembled.job.record.job);
    let (recorded, notices) = store(workspace, recorder, &assembled, wait);
    Ok(Report {
        outcome,
        interrupted,
        duration,
        job: assembled.job.record.job,
        recorded,
        coverage: assembled.coverage,
        reads: touched(&assembled.sorted, |sorted| &sorted.reads),
        writes: touched(&assembled.sorted, |sorted| &sorted.writes),
        datasets: assembled.datasets,
        scrubbed,
        kept: keep::keep(workspace, &assembled.sorted, limits),
        notices,
        stderr_is_output: is_stderr_among(&assembled.sorted, &head.root),
    })
}

/// A job that is not kept as it should be may leave this behind; nobody asks for it then.
fn keep_looked(workspace: &Workspace, looked: &Looked, job: ObjectId) {
    if workspace.store().is_some() {
        looked.save(&workspace.dot(), job);
    }
}

pub(crate) fn open_cache(workspace: &Workspace, wanted: bool) -> HashCache {
    if wanted && workspace.store().is_some() {
        HashCache::open(workspace.hash_cache())
    } else {
        HashCache::none()
    }
}

/// Writes down what is known before the command starts; returns also how many arguments were scrubbed.
fn head(workspace: &Workspace, plan: &Plan, setting: &Setting, more: &[String]) -> (Head, usize) {
    let request = &plan.request;
    let argv: Vec<Vec<u8>> = request
        .argv
        .iter()
        .map(|argument| argument.as_bytes().to_vec())
        .collect();
    let (argv, scrubbed) = scrub::argv(&argv, setting.secrets());
    let root = workspace.root().as_os_str().as_bytes();
    let redirected = redirected(root);
    let made = redirected.as_deref().is_some_and(is_just_made);
    let mut head = Head {
        root: root.to_vec().into(),
        kind: request.kind,
        argv,
        directory: RecordedPath::new(root, request.directory.as_os_str().as_bytes()),
        name: request
            .name
            .as_deref()
            .map(|name| scrub::name(name, setting.secrets())),
        reruns: request.reruns,
        started_ns: now_ns(),
        backend: plan.backend_name().to_owned(),
        source: plan.code.after(std::iter::empty(), setting.secrets()),
        kept: Vec::new(),
        hidden: Vec::new(),
        logs: logs(root),
        redirected,
        made,
        streams: Some(Streams::now(root)),
    };
    let variables = plan.environment();
    head.set_variables(variables::divide(
        variables,
        more,
        setting.secrets(),
        setting.key(),
    ));
    (head, scrubbed)
}

/// Returns the files that this process was started with, open for writing, and that are logs.
///
/// Where the output of a command goes is its caller's business: a file inside the project is an
/// output, the log of a scheduler outside is not, nor is a file for standard error alone, into which
/// roar writes its own messages.
fn logs(root: &[u8]) -> Vec<ByteStr> {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let path = |entry: std::fs::DirEntry| {
        let fd: u32 = entry.file_name().to_str()?.parse().ok()?;
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
        let path = target(fd)?;
        let outside = RecordedPath::new(root, &path).base == Base::Root;
        let messages = fd == 2 && target(1).as_ref() != Some(&path);
        ((outside || messages) && is_inherited_output(&info)).then_some(ByteStr(path))
    };
    open.flatten().filter_map(path).collect()
}

/// Returns the file inside the project that standard output goes to, if it was opened for that alone.
///
/// One that is only added to is an output when something was added.
fn redirected(root: &[u8]) -> Option<ByteStr> {
    let path = target(1).filter(|path| RecordedPath::new(root, path).base == Base::Project)?;
    let info = std::fs::read_to_string("/proc/self/fdinfo/1").ok()?;
    let is_file = std::fs::metadata(std::path::Path::new(std::ffi::OsStr::from_bytes(&path)))
        .is_ok_and(|meta| meta.is_file());
    let whole = is_inherited_output(&info) && !appends(1);
    (is_file && whole).then_some(ByteStr(path))
}

/// Returns whether a file has never been anything but empty: whoever opened it for the run has made it.
fn is_just_made(path: &[u8]) -> bool {
    let meta = std::fs::metadata(std::path::Path::new(std::ffi::OsStr::from_bytes(path)));
    meta.is_ok_and(|meta| match (meta.created(), meta.modified()) {
        (Ok(created), Ok(modified)) => meta.len() == 0 && created == modified,
        // Not every file system knows when a file was made.
        _ => false,
    })
}

/// Returns whether what is written to a descriptor of this process goes to the end of its file.
pub(crate) fn appends(fd: u32) -> bool {
    const APPENDS: u32 = 0o2000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok();
    info.and_then(|info| flags(&info))
        .is_some_and(|flags| flags & APPENDS != 0)
}

/// Reads a descriptor's flags, octal as the kernel prints them: writable, and not closed by `exec`.
fn is_inherited_output(info: &str) -> bool {
    const ACCESS: u32 = 0o3;
    const CLOSED_BY_EXEC: u32 = 0o2_000_000;
    flags(info).is_some_and(|flags| flags & ACCESS != 0 && flags & CLOSED_BY_EXEC == 0)
}

fn flags(info: &str) -> Option<u32> {
    let octal = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(octal.trim(), 8).ok()
}

fn watch(plan: &Plan, cache: &HashCache, recorder: &mut Recorder) -> Result<Trace, TraceError> {
    if let Some(why) = &plan.unwatched {
        return roar_trace::run_unwatched(&plan.command, why.clone());
    }
    let options = roar_trace::Options {
        choice: plan.choice,
        grace: plan.grace,
        namer: &mut CacheNamer(cache),
        sink: recorder,
        library: plan.library.as_deref(),
    };
    roar_trace::run(&plan.command, options)
}

pub(crate) const fn outcome(finished: &Finished) -> Outcome {
    match finished.exit {
        Exit::Code(code) => Outcome::Exited(code),
        Exit::Signal(signal) => Outcome::Killed(signal),
    }
}

/// A run that ended well was not cut short, whatever signals it was sent.
fn is_interrupted(finished: &Finished) -> bool {
    finished.interrupted.is_some() && finished.exit != Exit::Code(0)
}

/// Returns the file that a descriptor of this process leads to.
pub(crate) fn target(fd: u32) -> Option<Vec<u8>> {
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    Some(link.into_os_string().into_vec())
}

/// Returns whether messages on standard error would end up in a file that is an output of the run.
///
/// That is so where both outputs go to one file of the project; a file for standard error alone is a
/// log, and so is one outside.
fn is_stderr_among(sorted: &Sorted, root: &[u8]) -> bool {
    let Some(path) = target(2).filter(|err| target(1).as_ref() == Some(err)) else {
        return false;
    };
    let path = RecordedPath::new(root, &path);
    let mut outputs = sorted.writes.iter();
    outputs.any(|output| output.path == path && flatten::matters(output.class))
}

fn touched(sorted: &Sorted, side: impl Fn(&Sorted) -> &Vec<crate::sorted::Item>) -> Vec<Touched> {
    let items = side(sorted).iter();
    items
        .map(|item| Touched {
            path: item.path.clone(),
            class: item.class,
            size: item.content.size,
            change: item.change,
        })
        .collect()
}

pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Puts the job in the store, or leaves it where it will be found.
fn store(
    workspace: &Workspace,
    recorder: Recorder,
    assembled: &Assembled,
    wait: Wait<'_>,
) -> (Recorded, Vec<Notice>) {
    let added = workspace.add(vec![assembled.job.clone()], "run", now_ns(), wait);
    match added {
        Ok(added) => {
            recorder.forget();
            let step = added
                .steps
                .first()
                .copied()
                .unwrap_or(assembled.job.record.step);
            (Recorded::Stored { step }, added.notices)
        }
        Err(err) => (leave(recorder, assembled, &err), Vec::new()),
    }
}

fn leave(recorder: Recorder, assembled: &Assembled, err: &AddError) -> Recorded {
    let why = with_causes(err);
    match recorder.seal(&assembled.job) {
        Left::There(path) => Recorded::Left { path, why },
        Left::Nowhere(also) => Recorded::Lost {
            why: format!("{why}; {also}"),
        },
    }
}

/// Returns an error and its causes in one line.
pub(crate) fn with_causes(err: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(err.source(), |cause| cause.source());
    causes.fold(err.to_string(), |text, cause| format!("{text}: {cause}"))
}

pub(crate) fn coverage(trace: &roar_trace::Coverage) -> Coverage {
    let verdict = match trace.verdict {
        roar_trace::Verdict::Complete => Verdict::Complete,
        roar_trace::Verdict::Partial => Verdict::Partial,
        roar_trace::Verdict::Blind => Verdict::Blind,
    };
    Coverage {
        verdict,
        backend: trace.backend.to_owned(),
        reasons: trace.reasons.clone(),
    }
}
