//! `roar record-job`.

mod json;
mod parse;

use crate::context::Context;
use crate::error::{CommandError, Fault, fault_below, io_error};
use crate::ui::Ui;
use parse::Reader;
use roar_record::{DeclareError, Declared};
use roar_repo::{Workspace, names};
use serde_json::json;
use std::io::{self, BufRead as _};
use std::path::Path;
use std::process::ExitCode;

/// Record jobs that were not run here, from JSON on standard input
///
/// Each line is one job, a whole JSON object as `jq -c` writes it, in the order they ran; all are recorded, or
/// none. Fields, of which only `argv` is
/// needed: `kind`, `argv`, `cwd`, `name`, `exit` or `signal`, `interrupted`, `started_ns`,
/// `duration_ns`, `git`, and `inputs`, `outputs`, `code`, which are lists of `{path, hash, size,
/// class}`, of an output also `change`. A hash that is missing is computed from the file. What
/// `roar show --all --json` prints is taken as it is. Paths are relative to the project.
///
/// Prints the id of each job.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar record-job < jobs.jsonl
  $ roar show --all --json @1 | jq -c | roar -C ../copy record-job
  $ echo '{\"argv\": [\"train\"], \"inputs\": [{\"path\": \"a.csv\"}]}' | roar record-job")]
pub(crate) struct Args {
    /// Print one JSON object a line: id, step
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace_to_add_to(ui)?;
    let jobs = read(context, &workspace)?;
    if jobs.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let declared = context.waiting(ui, workspace.config(), "roar record-job", |wait| {
        roar_record::declare(&workspace, jobs, wait)
    })?;
    let (ids, added) = declared.map_err(refused)?;
    for notice in &added.notices {
        ui.warn(notice);
    }
    for (id, step) in ids.iter().zip(&added.steps) {
        if args.json {
            ui.json_line(&json!({ "id": id.to_string(), "step": step.to_string() }))?;
        } else {
            ui.data(id)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads every line; blank ones do not count.
fn read(context: &Context, workspace: &Workspace) -> Result<Vec<Declared>, CommandError> {
    let here = names::absolute(context.directory(), Path::new("."));
    let reader = Reader::new(workspace.root(), &here);
    let mut jobs = Vec::new();
    for (at, line) in io::stdin().lock().split(b'\n').enumerate() {
        let line = line.map_err(|err| io_error("cannot read standard input".to_owned(), err))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        jobs.push(reader.job(&line).map_err(|err| err.at(at + 1))?);
    }
    Ok(jobs)
}

fn refused(err: DeclareError) -> CommandError {
    match err {
        DeclareError::Filter(err) => err.into(),
        DeclareError::Add(err) => err.into(),
        DeclareError::File { .. } => CommandError::new(fault_below(&err), err)
            .hint("give its \"hash\" and \"size\" if the file is not here any more"),
        other => CommandError::new(Fault::Usage, other),
    }
}
