//! `roar rev-list`.

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_graph::Record;
use roar_repo::{Snapshot, Target};
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

/// List jobs, newest first
///
/// Without a name, all jobs of the session. With names, these jobs and every job that they came
/// from; of a file, the job that wrote it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar rev-list
  $ roar rev-list --reverse model.json
  $ roar rev-list -n 1")]
pub(crate) struct Args {
    /// A step, a job, a file (can be repeated)
    #[arg(value_name = "REF")]
    words: Vec<OsString>,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// Stop after so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    max_count: Option<usize>,
    /// Print one JSON object a line: id, step, name
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    let mut jobs = wanted(context, &snapshot, &args.words)?;
    if !args.reverse {
        jobs.reverse();
    }
    jobs.truncate(args.max_count.unwrap_or(usize::MAX));
    let records = snapshot.records()?;
    for job in jobs {
        print(ui, args.json, &records[job])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns places in the session, oldest first.
fn wanted(
    context: &Context,
    snapshot: &Snapshot,
    words: &[OsString],
) -> Result<Vec<usize>, CommandError> {
    if words.is_empty() {
        return Ok((0..snapshot.records()?.len()).collect());
    }
    let history = snapshot.history()?;
    let mut jobs = BTreeSet::new();
    for word in words {
        let job = job_of(context, snapshot, word)?;
        jobs.insert(job);
        jobs.extend(history.ancestors(job));
    }
    Ok(jobs.into_iter().collect())
}

/// Returns the job that a word means: itself, or the one that wrote the file.
fn job_of(context: &Context, snapshot: &Snapshot, word: &OsString) -> Result<usize, CommandError> {
    let job = match context.resolve(snapshot, word)? {
        Target::Job { record } | Target::Dataset { record, .. } => Some(record),
        Target::Artifact { written, .. } => written.map(|written| written.record),
        Target::Object { .. } => None,
    };
    job.ok_or_else(|| {
        CommandError::not_found(format!("no recorded job made '{}'", word.display()))
            .hint("`roar log` lists what was run here")
    })
}

fn print(ui: &mut Ui, json: bool, record: &Record) -> Result<(), CommandError> {
    if !json {
        return ui.data(record.job);
    }
    ui.json_line(&json!({
        "id": record.job.to_string(),
        "step": record.step.to_string(),
        "name": record.name,
    }))
}
