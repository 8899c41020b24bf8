//! What later runs of the same command say of a step.

use roar_graph::{Projection, Record};
use roar_object::RecordedPath;

/// Returns whether the very same command went well later, be it as another step because it made other files.
pub(super) fn went_well_since(now: &Projection<'_>, record: usize) -> bool {
    let records = now.history().records();
    let mut later = record + 1..records.len();
    later.any(|at| records[at].succeeded() && is_same_command(now, record, at))
}

/// Returns whether the very same command was asked for again as this step, went well, and did not make a file: so it
/// will not the next time. It is another step then, for its files have other names.
pub(super) fn is_made_no_more(now: &Projection<'_>, record: usize, path: &RecordedPath) -> bool {
    let records = now.history().records();
    let is_asked_for = |run: &Record| {
        let repeated = run
            .repeats
            .and_then(|job| records.iter().position(|it| it.job == job));
        repeated.is_some_and(|repeated| now.stands_for(repeated) == record)
    };
    let mut later = records.iter().enumerate().skip(record + 1);
    let is_made = |run: &Record| run.writes.binary_search_by(|it| it.path.cmp(path)).is_ok();
    later.any(|(at, run)| {
        run.repeats.is_some()
            && run.succeeded()
            && is_same_command(now, record, at)
            && !is_made(run)
            && is_asked_for(run)
    })
}

/// Returns whether a command names a file, as the script that it runs.
pub(super) fn is_named(job: &Record, path: &RecordedPath) -> bool {
    let name = path.name();
    job.argv.iter().any(|word| word.ends_with(name))
}

pub(super) fn is_same_command(now: &Projection<'_>, a: usize, b: usize) -> bool {
    let records = now.history().records();
    let (a, b) = (records[a], records[b]);
    (a.kind, &a.directory, &a.argv) == (b.kind, &b.directory, &b.argv)
}
