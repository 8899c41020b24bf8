//! `roar op`.

use crate::asked;
use crate::context::Context;
use crate::error::CommandError;
use crate::json;
use crate::ui::{Ui, escape_text};
use roar_object::{ByteStr, FindError, Job, Objects as _, Step};
use roar_repo::Snapshot;
use roar_repo::operations::{self, JobMoved, JobsMoved};
use roar_store::{Operation, RefMoved};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::ExitCode;

/// Look at what was done to the history, and when
///
/// An operation is whatever changed a ref: a run, jobs that were described with `record-job`, a run
/// that was cut short and taken in later, `update-ref`, an import, an undo. `roar undo --op N` takes
/// one back.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar op log
  $ roar op log -n 5 --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the operations, latest first
    Log {
        /// Only the latest so many
        #[arg(short = 'n', long, value_name = "NUMBER")]
        max_count: Option<usize>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let Action::Log { max_count, json } = args.action;
    let snapshot = context.snapshot(ui)?;
    asked::warn_of_lost_log(ui, &snapshot)?;
    let operations = snapshot.operations()?;
    let undone = operations::undone(&operations);
    let latest = operations.iter().rev();
    let shown = latest.take(max_count.unwrap_or(usize::MAX));
    if json {
        let list: Result<Vec<_>, _> = shown
            .map(|operation| in_json(&snapshot, operation, &undone))
            .collect();
        ui.json(json!({ "operations": list? }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if operations.is_empty() {
        asked::tell_if_empty(ui, &snapshot)?;
    }
    ui.page();
    for operation in shown {
        print(ui, &snapshot, operation, &undone)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    ui: &mut Ui,
    snapshot: &Snapshot,
    operation: &Operation,
    undone: &HashMap<u64, u64>,
) -> Result<(), CommandError> {
    let number = operation.sequence;
    let when = roar_view::ago(operation.at_ns, asked::now_ns());
    let note = escape_text(&operation.note);
    let by = undone.get(&number);
    let by = by.map_or_else(String::new, |by| format!(", undone by {by}"));
    ui.data(format_args!("{number:>5}  {note}, {when}{by}"))?;
    for moved in &operation.refs {
        for line in changes(snapshot, moved)? {
            ui.data(format_args!("       {line}"))?;
        }
    }
    Ok(())
}

/// Tells what the move of a ref changed, a line for each thing.
pub(super) fn changes(snapshot: &Snapshot, moved: &RefMoved) -> Result<Vec<String>, CommandError> {
    /// Most jobs that are listed one by one.
    const LISTED: usize = 8;
    let JobsMoved { added, removed } = snapshot.jobs_moved(moved)?;
    if added.is_empty() && removed.is_empty() {
        return Ok(vec![ref_line(moved)]);
    }
    let mut lines = Vec::new();
    for (sign, jobs) in [('-', &removed), ('+', &added)] {
        for job in jobs.iter().take(LISTED) {
            lines.push(format!("{sign} {}", job_line(snapshot, job)?));
        }
        if let Some(more) = jobs.len().checked_sub(LISTED).filter(|&more| more > 0) {
            lines.push(format!(
                "{sign} and {}",
                roar_view::count(more as u64, "more job")
            ));
        }
    }
    Ok(lines)
}

fn ref_line(moved: &RefMoved) -> String {
    let name = &moved.name;
    match (moved.old, moved.new) {
        (None, Some(new)) => format!("{name} is new: {}", new.short()),
        (Some(old), None) => format!("{name} is gone; it was {}", old.short()),
        (Some(old), Some(new)) => format!("{name}: {} is now {}", old.short(), new.short()),
        (None, None) => format!("{name}: nothing"),
    }
}

fn job_line(snapshot: &Snapshot, moved: &JobMoved) -> Result<String, FindError> {
    let command = roar_view::command(&argv(snapshot, moved)?);
    Ok(format!("{} {} {command}", moved.step, moved.job.short()))
}

fn argv(snapshot: &Snapshot, moved: &JobMoved) -> Result<Vec<ByteStr>, FindError> {
    let job: Job = snapshot.objects().read(moved.job)?;
    let step: Step = snapshot.objects().read(job.step)?;
    Ok(step.argv)
}

/// Returns an operation as it stands in JSON.
pub(super) fn in_json(
    snapshot: &Snapshot,
    operation: &Operation,
    undone: &HashMap<u64, u64>,
) -> Result<Value, CommandError> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for moved in &operation.refs {
        let jobs = snapshot.jobs_moved(moved)?;
        added.extend(jobs_in_json(snapshot, &jobs.added)?);
        removed.extend(jobs_in_json(snapshot, &jobs.removed)?);
    }
    Ok(json!({
        "number": operation.sequence,
        "at_ns": operation.at_ns,
        "note": operation.note,
        "undoes": operations::undoes(operation),
        "undone_by": undone.get(&operation.sequence),
        "refs": operation.refs.iter().map(ref_in_json).collect::<Vec<_>>(),
        "added": added,
        "removed": removed,
    }))
}

pub(super) fn ref_in_json(moved: &RefMoved) -> Value {
    let hex = |id: Option<roar_object::ObjectId>| id.map(|id| id.to_string());
    json!({ "ref": moved.name.as_str(), "old": hex(moved.old), "new": hex(moved.new) })
}

fn jobs_in_json(snapshot: &Snapshot, jobs: &[JobMoved]) -> Result<Vec<Value>, FindError> {
    let one = |moved: &JobMoved| {
        let argv = argv(snapshot, moved)?;
        let words: Vec<Value> = argv.iter().map(|word| json::text(word)).collect();
        Ok(json!({
            "step": moved.step.to_string(),
            "id": moved.job.to_string(),
            "argv": words,
        }))
    };
    jobs.iter().map(one).collect()
}
