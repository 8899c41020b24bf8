//! Making a job of what was seen: its objects, and the record that graphs use.

use crate::code_state::CodeState;
use crate::compiled;
use crate::contents::{self, Settled};
use crate::setting::Setting;
use crate::sorted::{self, Sorted};
use crate::spooled::Head;
use roar_content::HashCache;
use roar_graph::Record;
use roar_object::{
    Class, Coverage, DatasetAt, Environment, Job, MemoryObjects, Object, ObjectId, Outcome,
    Process, Processes, Source, Step, StepName, Variables,
};
use roar_repo::NewJob;
use roar_repo::filters::Filters;
use roar_trace::{FileSeen, ProcessSeen, State};

/// Everything that a job is made of.
pub(crate) struct Parts<'a> {
    pub(crate) head: &'a Head,
    pub(crate) outcome: Outcome,
    pub(crate) interrupted: bool,
    pub(crate) duration_ns: u64,
    pub(crate) coverage: Coverage,
    pub(crate) files: Vec<FileSeen>,
    pub(crate) processes: &'a [ProcessSeen],
    /// The code's state; nothing when the run is put together after its roar was killed.
    pub(crate) code: Option<&'a CodeState>,
}

/// What jobs are made with.
pub(crate) struct Tools<'a> {
    pub(crate) filters: &'a Filters,
    pub(crate) cache: &'a HashCache,
    pub(crate) setting: &'a Setting,
    pub(crate) min_files: usize,
}

/// A job, ready to be added.
#[derive(Clone, Debug)]
pub(crate) struct Assembled {
    pub(crate) job: NewJob,
    pub(crate) coverage: Coverage,
    pub(crate) sorted: Sorted,
    pub(crate) datasets: Vec<DatasetAt>,
}

/// Most files that are named one by one among the reasons of a verdict.
const NAMED: usize = 3;

/// Makes the job.
pub(crate) fn assemble(parts: Parts<'_>, tools: &Tools<'_>) -> Assembled {
    let head = parts.head;
    let mut files = parts.files;
    files.retain(|file| !tools.setting.is_ours(&file.path));
    add_empty_outputs(&mut files, head);
    compiled::add_sources(&mut files, &head.root, tools.filters);
    let mut coverage = parts.coverage;
    add_unprivileged(&mut coverage, &files);
    let settled = contents::settle(files, tools.cache);
    add_trouble(&mut coverage, &settled);
    let (mut sorted, left_out) = sorted::sort(&settled, head, tools.filters);
    add_left_out(&mut coverage, left_out);

    let mut objects = MemoryObjects::default();
    let datasets = sorted.datasets(&head.root, tools.filters, tools.min_files, &mut objects);
    let source = match parts.code {
        Some(code) => code.after(
            code_files(&settled, &sorted, &head.root),
            tools.setting.secrets(),
        ),
        None => head.source.clone(),
    };
    let told = Told {
        head,
        outcome: parts.outcome,
        interrupted: parts.interrupted,
        duration_ns: parts.duration_ns,
        coverage: coverage.clone(),
        processes: processes(parts.processes),
        environment: Some(tools.setting.environment(&settled)),
        source,
        datasets: datasets.clone(),
    };
    let job = make(told, &sorted, objects);
    Assembled {
        job,
        coverage,
        sorted,
        datasets,
    }
}

/// What is told of a job, beside its files.
pub(crate) struct Told<'a> {
    pub(crate) head: &'a Head,
    pub(crate) outcome: Outcome,
    pub(crate) interrupted: bool,
    pub(crate) duration_ns: u64,
    pub(crate) coverage: Coverage,
    pub(crate) processes: Processes,
    pub(crate) environment: Option<Environment>,
    pub(crate) source: Option<Source>,
    pub(crate) datasets: Vec<DatasetAt>,
}

/// Makes the objects of a job, beside those that `objects` holds already.
pub(crate) fn make(told: Told<'_>, sorted: &Sorted, mut objects: MemoryObjects) -> NewJob {
    let head = told.head;
    let mut step = Step::new(head.kind, head.argv.clone(), head.directory.clone());
    step.variables.clone_from(&head.kept);
    step.reads = sorted.read_sets(&mut objects);
    step.environment = told
        .environment
        .map(|environment| objects.put(&environment));
    let step = objects.put(&step);
    let mut job = Job::new(
        step,
        head.started_ns,
        told.duration_ns,
        told.outcome,
        told.coverage,
    );
    job.name.clone_from(&head.name);
    job.interrupted = told.interrupted;
    job.writes = sorted.written_sets(&mut objects);
    job.datasets = told.datasets;
    job.source = told.source.map(|source| objects.put(&source));
    job.variables =
        (!head.hidden.is_empty()).then(|| objects.put(&Variables::new(head.hidden.clone())));
    job.processes = told.processes;
    job.reruns = head.reruns;
    let id = objects.put(&job);
    let record = record(id, head, &job, sorted);
    NewJob {
        objects: objects.into_sorted(),
        record,
    }
}

/// Counts a file that standard output went to as written, even when nothing was: its caller emptied it
/// for the command.
fn add_empty_outputs(files: &mut Vec<FileSeen>, head: &Head) {
    let Some(path) = &head.redirected else { return };
    let after = roar_trace::state_of(path);
    let change = match head.made {
        true => roar_trace::Change::Created,
        false => roar_trace::Change::Modified,
    };
    match files.iter_mut().find(|file| *file.path == **path) {
        Some(file) if matches!(file.change, None | Some(roar_trace::Change::Modified)) => {
            file.change = Some(change);
        }
        Some(_) => {}
        None => files.push(FileSeen {
            change: Some(change),
            truncated: true,
            ..FileSeen::untouched(path.0.clone(), after)
        }),
    }
}

/// Tells of programs that would have had more rights without roar: watching takes them away, unless
/// roar itself may do everything.
fn add_unprivileged(coverage: &mut Coverage, files: &[FileSeen]) {
    const SET_ID: u32 = 0o6000;
    let watched = matches!(coverage.backend.as_str(), "notify" | "ptrace");
    let lost = |file: &&FileSeen| {
        let sets = matches!(file.before, State::File(version) if version.mode & SET_ID != 0);
        file.executed && sets
    };
    let mut found = false;
    for file in files
        .iter()
        .filter(lost)
        .filter(|_| watched && !is_root())
        .take(NAMED)
    {
        let path = String::from_utf8_lossy(&file.path);
        let path = path.escape_debug();
        coverage.reasons.push(format!(
            "'{path}' sets its user or group, and ran without those rights"
        ));
        found = true;
    }
    degrade(coverage, found);
}

/// Tells of contents that could not be named.
fn add_trouble(coverage: &mut Coverage, settled: &[Settled]) {
    let troubled: Vec<_> = settled
        .iter()
        .filter_map(|file| Some((&file.seen.path, file.trouble.as_ref()?)))
        .collect();
    for (path, why) in troubled.iter().take(NAMED) {
        let path = String::from_utf8_lossy(path);
        coverage.reasons.push(format!(
            "the contents of '{}' are not known: {why}",
            path.escape_debug()
        ));
    }
    if let Some(more) = troubled.len().checked_sub(NAMED).filter(|&more| more > 0) {
        coverage
            .reasons
            .push(format!("nor are the contents of {more} more files"));
    }
    degrade(coverage, !troubled.is_empty());
}

fn add_left_out(coverage: &mut Coverage, left_out: usize) {
    if left_out > 0 {
        coverage.reasons.push(format!(
            "{left_out} paths were files at one time and directories at another"
        ));
    }
    degrade(coverage, left_out > 0);
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn degrade(coverage: &mut Coverage, is_worse: bool) {
    use roar_object::Verdict;
    if is_worse && coverage.verdict == Verdict::Complete {
        coverage.verdict = Verdict::Partial;
    }
}

/// Returns the absolute paths of the project's code that the run read.
fn code_files<'s>(
    settled: &'s [Settled],
    sorted: &Sorted,
    root: &[u8],
) -> impl Iterator<Item = &'s [u8]> {
    let code: std::collections::HashSet<Vec<u8>> = sorted
        .reads
        .iter()
        .filter(|item| item.class == Class::Code)
        .map(|item| item.path.absolute(root))
        .collect();
    settled
        .iter()
        .map(|file| file.seen.path.as_slice())
        .filter(move |path| code.contains(*path))
}

fn processes(seen: &[ProcessSeen]) -> Processes {
    let listed = &seen[..seen.len().min(Processes::LISTED)];
    let place = |pid: u32| listed.iter().position(|process| process.pid == pid);
    let list = listed.iter().enumerate().map(|(at, process)| Process {
        parent: u32::try_from(place(process.parent).unwrap_or(at)).unwrap_or_default(),
        program: process.programs.last().cloned().unwrap_or_default().into(),
    });
    Processes {
        count: seen.len() as u64,
        list: list.collect(),
    }
}

/// Flattens the job; its step is decided when it is added.
fn record(id: ObjectId, head: &Head, job: &Job, sorted: &Sorted) -> Record {
    Record {
        job: id,
        step: StepName::new(head.kind, 1),
        kind: head.kind,
        argv: head.argv.clone(),
        directory: head.directory.clone(),
        name: head.name.clone(),
        repeats: job.reruns,
        outcome: job.outcome,
        interrupted: job.interrupted,
        started_ns: job.started_ns,
        duration_ns: job.duration_ns,
        verdict: job.coverage.verdict,
        reads: sorted.inputs(),
        writes: sorted.outputs(),
        datasets: job.datasets.clone(),
    }
}

/// Returns the object of the job in what is to be added.
pub(crate) fn job_of(job: &NewJob) -> Option<&Object> {
    job.objects
        .iter()
        .find(|object| object.id() == job.record.job)
}
