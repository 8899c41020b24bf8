//! What questions have in common.

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_graph::Written;
use roar_object::{Base, ContentId, DatasetAt, Kind, ObjectId, RecordedPath, Role};
use roar_repo::{Snapshot, Target};
use roar_view::Clock;
use std::ffi::OsStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time now, and where the user is.
pub(crate) fn clock() -> Clock {
    Clock {
        now_ns: now_ns(),
        zone: crate::zone::local(),
    }
}

/// Returns the time in nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// What a question is about: what was made, what was only read, or a job.
pub(crate) enum Subject {
    /// A recorded job.
    Job(usize),
    /// A file that a job wrote.
    Written(Written),
    /// A file that no job wrote, and one that read it: record, place among its reads.
    Root(usize, usize),
}

/// Finds what a question is about.
pub(crate) fn subject(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsStr,
) -> Result<Subject, CommandError> {
    match context.resolve(snapshot, word)? {
        Target::Job { record } => Ok(Subject::Job(record)),
        Target::Artifact {
            written: Some(written),
            ..
        } => Ok(Subject::Written(written)),
        Target::Artifact { id, path, .. } => root(snapshot, id, path.as_ref(), word),
        Target::Dataset { path, record, .. } => dataset(snapshot, &path, record),
        Target::Object { id, kind } => object(snapshot, id, kind, word),
    }
}

/// Finds the dataset that a word names, and who read or wrote it as a whole; nothing if it names
/// something else.
pub(crate) fn dataset_called<'s>(
    context: &Context,
    snapshot: &'s Snapshot,
    word: &OsStr,
) -> Result<Option<(usize, &'s DatasetAt)>, CommandError> {
    let Target::Dataset { path, record, .. } = context.resolve(snapshot, word)? else {
        return Ok(None);
    };
    let sets = &snapshot.history()?.records()[record].datasets;
    let at = sets.iter().filter(|set| set.path == path);
    // What a job left counts more than what it found.
    Ok(at
        .max_by_key(|set| set.role == Role::Written)
        .map(|set| (record, set)))
}

/// A file that nobody wrote: the last job that read it, there or elsewhere.
fn root(
    snapshot: &Snapshot,
    id: ContentId,
    path: Option<&RecordedPath>,
    word: &OsStr,
) -> Result<Subject, CommandError> {
    let history = snapshot.history()?;
    let readers = history.readers(id);
    let here = |(record, read): &&(usize, usize)| {
        Some(&history.records()[*record].reads[*read].path) == path
    };
    let found = readers.iter().rev().find(here).or_else(|| readers.last());
    let (record, read) = found.ok_or_else(|| unknown_bytes(path, word))?;
    Ok(Subject::Root(*record, *read))
}

fn unknown_bytes(path: Option<&RecordedPath>, word: &OsStr) -> CommandError {
    let message = format!(
        "no recorded job wrote or read '{}' as it is now",
        word.display()
    );
    let in_project = path.is_some_and(|path| path.base == Base::Project);
    CommandError::not_found(message).hint(match in_project {
        true => "`roar status` tells which files were changed outside of recorded jobs",
        false => "`roar log` lists what was run here",
    })
}

/// A directory: the job that wrote it as a whole, else the last that wrote any of it for its reader.
fn dataset(
    snapshot: &Snapshot,
    path: &RecordedPath,
    record: usize,
) -> Result<Subject, CommandError> {
    let history = snapshot.history()?;
    let job = history.records()[record];
    let wrote = |set: &roar_object::DatasetAt| set.role == Role::Written && set.path == *path;
    if job.datasets.iter().any(wrote) {
        return Ok(Subject::Job(record));
    }
    let inside = || (0..job.reads.len()).filter(|&read| job.reads[read].path.is_under(path));
    let producers = inside().filter_map(|read| history.producer(record, read));
    let latest = producers.map(|producer| producer.record).max();
    let first = inside().next();
    Ok(match (latest, first) {
        (Some(producer), _) => Subject::Job(producer),
        (None, Some(read)) => Subject::Root(record, read),
        (None, None) => Subject::Job(record),
    })
}

/// A tree by its hash: the job that wrote such a dataset.
fn object(
    snapshot: &Snapshot,
    id: ObjectId,
    kind: Kind,
    word: &OsStr,
) -> Result<Subject, CommandError> {
    let records = snapshot.records()?;
    let has = |record: &roar_graph::Record| record.datasets.iter().any(|set| set.tree == id);
    match records.iter().rposition(has) {
        Some(record) => {
            let set = records[record].datasets.iter().find(|set| set.tree == id);
            let path = set.map(|set| set.path.clone()).expect("it was just found");
            dataset(snapshot, &path, record)
        }
        None => Err(CommandError::usage(format!(
            "'{}' is a {}, not a job or a file",
            word.display(),
            kind.name()
        ))
        .hint("`roar cat-object -p` prints any object")),
    }
}

/// Warns where it is not known any more how refs changed for a while.
pub(crate) fn warn_of_lost_log(ui: &Ui, snapshot: &Snapshot) -> Result<(), CommandError> {
    if let Some(lost) = snapshot.objects().lost_log()? {
        ui.warn(format_args!("{lost}: what was done then is not listed"));
        ui.hint("`roar fsck` tells what is damaged");
    }
    Ok(())
}

/// Says where nothing was ever recorded how that begins.
pub(crate) fn tell_if_empty(ui: &Ui, snapshot: &Snapshot) -> Result<(), CommandError> {
    if snapshot.records()?.is_empty() {
        ui.note("nothing is recorded yet; put `roar run` before a command");
    }
    Ok(())
}
