//! Making a [`Record`] of a job's objects.

use roar_graph::{Input, Output, Record};
use roar_object::{
    Base, Class, ContentId, Entry, FindError, Job, ObjectId, Objects, RecordedPath, Session, Step,
    StepName,
};
use roar_tree::{Found, TreeError};
use std::collections::HashMap;

/// A link of the chain that adds a job, and the job's record.
pub(crate) fn link(objects: &impl Objects, link: &Session) -> Result<Option<Record>, FindError> {
    match (link.job, link.step) {
        (Some(job), Some(step)) => record(objects, job, step).map(Some),
        _ => Ok(None),
    }
}

/// Flattens the job `id`, recorded as `name`.
///
/// # Errors
///
/// When an object of the job is missing or damaged.
pub fn record(objects: &impl Objects, id: ObjectId, name: StepName) -> Result<Record, FindError> {
    let job: Job = objects.read(id)?;
    let step: Step = objects.read(job.step)?;
    Ok(Record {
        job: id,
        step: name,
        kind: step.kind,
        reads: reads(objects, &step, matters)?,
        writes: writes(objects, &job)?,
        argv: step.argv,
        directory: step.directory,
        name: job.name,
        repeats: job.reruns,
        outcome: job.outcome,
        interrupted: job.interrupted,
        started_ns: job.started_ns,
        duration_ns: job.duration_ns,
        verdict: job.coverage.verdict,
        datasets: job.datasets,
    })
}

/// Returns whether files of this class can tie jobs together.
pub const fn matters(class: Class) -> bool {
    matches!(class, Class::Data | Class::Code)
}

/// Lists the files of some classes that a step read, sorted by path.
///
/// # Errors
///
/// When a tree of the step is missing or damaged.
pub fn reads(
    objects: &impl Objects,
    step: &Step,
    wanted: impl Fn(Class) -> bool,
) -> Result<Vec<Input>, FindError> {
    let mut reads = Vec::new();
    for set in step.reads.iter().filter(|set| wanted(set.class)) {
        each_file(objects, set.tree, set.base, |path, entry| {
            reads.push(Input {
                path,
                id: entry.content_id(),
                mode: entry.mode,
                size: entry.size,
                class: set.class,
            });
        })?;
    }
    reads.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(reads)
}

/// Returns whether a step read these bytes at this path as a file of a package or the system.
///
/// `known` remembers the trees that were asked: many steps read the same.
///
/// # Errors
///
/// When a tree of the step is missing or damaged.
pub fn reads_beside(
    objects: &impl Objects,
    step: &Step,
    (path, id): (&RecordedPath, ContentId),
    known: &mut HashMap<ObjectId, bool>,
) -> Result<bool, FindError> {
    let beside = step.reads.iter().filter(|set| !matters(set.class));
    for set in beside.filter(|set| set.base == path.base) {
        let has = match known.get(&set.tree) {
            Some(&has) => has,
            None => {
                let found = roar_tree::lookup(objects, set.tree, &path.path).map_err(damaged)?;
                found.is_some_and(|entry| entry.content_id() == Some(id))
            }
        };
        known.insert(set.tree, has);
        if has {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists the files that a job wrote and deleted, sorted by path.
///
/// # Errors
///
/// When a tree of the job is missing or damaged.
pub fn writes(objects: &impl Objects, job: &Job) -> Result<Vec<Output>, FindError> {
    let mut writes = Vec::new();
    for set in &job.writes {
        each_file(objects, set.tree, set.base, |path, entry| {
            writes.push(Output {
                path,
                change: set.change,
                id: entry.content_id(),
                mode: entry.mode,
                size: entry.size,
                class: set.class,
            });
        })?;
    }
    writes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(writes)
}

/// Calls `each` with every file of a tree, its path seen from `base`.
fn each_file(
    objects: &impl Objects,
    tree: ObjectId,
    base: Base,
    mut each: impl FnMut(RecordedPath, &Entry),
) -> Result<(), FindError> {
    for found in roar_tree::list(objects, tree, true) {
        let Found { path, entry } = found.map_err(damaged)?;
        each(
            RecordedPath {
                base,
                path: path.into(),
            },
            &entry,
        );
    }
    Ok(())
}

/// A tree that contradicts itself is damage like any other.
fn damaged(err: TreeError) -> FindError {
    match err {
        TreeError::Find(err) => err,
        other => FindError::Store(Box::new(other)),
    }
}
