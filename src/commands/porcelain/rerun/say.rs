//! What `roar rerun` understands and says.

use crate::asked::{self, Subject};
use crate::context::Context;
use crate::error::CommandError;
use crate::json;
use crate::ui::{Ui, escape};
use roar_graph::{Projection, Record};
use roar_object::{RecordedPath, StepName};
use roar_repo::Snapshot;
use roar_repo::names;
use roar_repo::rerun::{Cause, Forecast, Rerun};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;

/// Finds the run that a word stands for. A file is meant by its path, whatever lies there now.
pub(super) fn target(
    context: &Context,
    snapshot: &Snapshot,
    projection: &Projection<'_>,
    word: &OsStr,
) -> Result<usize, CommandError> {
    let path = names::absolute(context.directory(), Path::new(word));
    if let Some(held) = projection.at(&snapshot.recorded(&path)) {
        return Ok(held.record);
    }
    match asked::subject(context, snapshot, word)? {
        Subject::Job(record) => Ok(record),
        Subject::Written(written) => Ok(written.record),
        Subject::Root(..) => Err(CommandError::usage(format!(
            "no recorded job made '{}'",
            word.display()
        ))
        .hint("name a step, or a file that one made")),
    }
}

/// Shows what would be run.
pub(super) fn plan(
    ui: &mut Ui,
    rerun: &Rerun<'_, '_>,
    forecast: &[Forecast],
    as_json: bool,
) -> Result<(), CommandError> {
    if as_json {
        let steps = (0..forecast.len()).map(|turn| step(rerun, turn, &forecast[turn]));
        return ui.json(json!({ "steps": steps.collect::<Vec<_>>() }));
    }
    for (turn, forecast) in forecast.iter().enumerate() {
        let (word, why) = match forecast {
            Forecast::Fresh => continue,
            Forecast::Runs(causes) => ("run  ", reasons(causes)),
            Forecast::Blocked(causes, _) => ("stuck", reasons(causes)),
            Forecast::Perhaps(after) => ("maybe", format!("after {}", steps(rerun, after))),
        };
        let record = rerun.record(turn);
        let command = roar_view::command(&record.argv);
        ui.data(format_args!("{word} {} {command}", record.step))?;
        ui.data(format_args!("        {why}"))?;
        if let Forecast::Blocked(_, path) = forecast {
            let path = shown(path);
            ui.data(format_args!(
                "        no step that still counts makes '{path}'"
            ))?;
        }
        if rerun.lacks_directory(turn) {
            let directory = shown(&record.directory);
            ui.data(format_args!(
                "        its directory '{directory}' is not there"
            ))?;
        }
        for path in &rerun.turns()[turn].edited {
            ui.data(format_args!("        '{}' was changed since", shown(path)))?;
        }
    }
    if forecast.iter().all(|forecast| *forecast == Forecast::Fresh) {
        ui.note(nothing(rerun));
    }
    Ok(())
}

fn steps(rerun: &Rerun<'_, '_>, turns: &[usize]) -> String {
    let names = turns
        .iter()
        .map(|&turn| rerun.record(turn).step.to_string());
    names.collect::<Vec<_>>().join(", ")
}

fn step(rerun: &Rerun<'_, '_>, turn: usize, forecast: &Forecast) -> Value {
    let record = rerun.record(turn);
    let (what, causes, after) = match forecast {
        Forecast::Runs(causes) => ("run", causes.as_slice(), &[][..]),
        Forecast::Blocked(causes, _) => ("blocked", causes.as_slice(), &[][..]),
        Forecast::Perhaps(after) => ("maybe", &[][..], after.as_slice()),
        Forecast::Fresh => ("fresh", &[][..], &[][..]),
    };
    let after = after
        .iter()
        .map(|&turn| rerun.record(turn).step.to_string());
    json!({
        "step": record.step.to_string(),
        "id": record.job.to_string(),
        "argv": record.argv.iter().map(|word| json::text(word)).collect::<Vec<_>>(),
        "what": what,
        "causes": causes.iter().map(cause).collect::<Vec<_>>(),
        "after": after.collect::<Vec<_>>(),
        "edited": rerun.turns()[turn].edited.iter().map(json::path).collect::<Vec<_>>(),
    })
}

fn cause(cause: &Cause) -> Value {
    let (why, path) = parts(cause);
    json!({ "why": why, "path": path.map(json::path) })
}

fn parts(cause: &Cause) -> (&'static str, Option<&RecordedPath>) {
    match cause {
        Cause::Changed { path } => ("changed", Some(path)),
        Cause::Gone { path } => ("gone", Some(path)),
        Cause::New { path } => ("new", Some(path)),
        Cause::Missing { path } => ("missing", Some(path)),
        Cause::Overwritten { path } => ("overwritten", Some(path)),
        Cause::Failed => ("failed", None),
    }
}

/// Says why a step is run, as it begins.
pub(super) fn why(record: &Record, causes: &[Cause]) -> String {
    format!("roar: {} again: {}", record.step, reasons(causes))
}

/// Says that a step made nothing, whatever it was run for.
pub(super) fn idle(rerun: &Rerun<'_, '_>, turn: usize, causes: &[Cause]) -> String {
    format!(
        "{} made nothing, though {}; what it left is from before",
        rerun.record(turn).step,
        reasons(causes)
    )
}

/// Says that a step was run for files that it does not make any more.
pub(super) fn not_made(rerun: &Rerun<'_, '_>, turn: usize, paths: &[RecordedPath]) -> String {
    let more = match paths.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    format!(
        "{} did not make '{}'{more} again, and is not run for that any more until something else changes",
        rerun.record(turn).step,
        shown(&paths[0])
    )
}

/// Says that a step did not make all again.
pub(super) fn left(rerun: &Rerun<'_, '_>, turn: usize, causes: &[Cause]) -> String {
    format!(
        "{} did not make all again, though {}; the rest is from before",
        rerun.record(turn).step,
        reasons(causes)
    )
}

/// Names the first reasons, and counts the others.
fn reasons(causes: &[Cause]) -> String {
    const NAMED: usize = 3;
    let mut words: Vec<String> = causes.iter().take(NAMED).map(reason).collect();
    if let Some(more) = causes.len().checked_sub(NAMED).filter(|&more| more > 0) {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

fn reason(cause: &Cause) -> String {
    let said = match cause {
        Cause::Changed { .. } => "changed",
        Cause::Gone { .. } => "is gone",
        Cause::New { .. } => "is new",
        Cause::Missing { .. } => "is missing",
        Cause::Overwritten { .. } => "was overwritten",
        Cause::Failed => return "its last run failed".to_owned(),
    };
    let path = parts(cause).1.map(shown).unwrap_or_default();
    format!("'{path}' {said}")
}

pub(super) fn lost(record: &Record, path: &RecordedPath) -> CommandError {
    let step = record.step;
    CommandError::refused(format!(
        "{step} cannot be run again: '{}' is gone, and no step that still counts makes it",
        shown(path)
    ))
    .hint("put it back; `roar lineage` tells what it came from")
}

pub(super) fn edited(rerun: &Rerun<'_, '_>, turn: usize, path: &RecordedPath) -> CommandError {
    let step = rerun.record(turn).step;
    CommandError::refused(format!(
        "{step} would overwrite '{}', which is not as the steps that count left it",
        shown(path)
    ))
    .hint(
        "`--force` overwrites it; a command that keeps what is there, as `make` does, makes it again when \
         it was removed",
    )
}

pub(super) fn end(ui: &Ui, rerun: &Rerun<'_, '_>, done: usize) {
    match done {
        0 => ui.note(nothing(rerun)),
        _ => ui.note(format_args!(
            "roar: {} run again, {} fresh",
            roar_view::count(done as u64, "step"),
            rerun.turns().len().saturating_sub(done)
        )),
    }
}

/// Says which steps count as stale by what was recorded, though by what is on the disk they need not be run.
pub(super) fn put_back(steps: &[StepName]) -> String {
    let names: Vec<_> = steps.iter().map(ToString::to_string).collect();
    let (counts, it) = match steps.len() {
        1 => ("counts", "it reads"),
        _ => ("count", "they read"),
    };
    format!(
        "roar: {} {counts} as stale by what was recorded, but what {it} is on the disk as it was read",
        names.join(", ")
    )
}

fn nothing(rerun: &Rerun<'_, '_>) -> String {
    match rerun.turns().len() {
        0 => "nothing to do: there is no step to run again".to_owned(),
        1 => "nothing to do: 1 step is up to date".to_owned(),
        steps => format!("nothing to do: {steps} steps are up to date"),
    }
}

fn shown(path: &RecordedPath) -> String {
    escape(&path.shown())
}
