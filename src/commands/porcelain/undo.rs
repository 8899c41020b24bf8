//! `roar undo`.

use super::op;
use crate::asked;
use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault};
use crate::ui::Ui;
use roar_repo::Workspace;
use roar_repo::operations::{UndoError, Undone, Which};
use serde_json::json;
use std::collections::HashMap;
use std::process::ExitCode;

/// Take back the last operation, such as a run, from the history
///
/// The session, and whatever else the operation changed, is again what it was before. Files on disk
/// stay as they are, and nothing is deleted: a job that is taken back is still found by its hash.
/// Another `roar undo` takes back the operation before, and `roar redo` brings back what the last undo
/// took away. An operation on which a later one stands is not taken back.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar undo
  $ roar undo --dry-run
  $ roar undo --op 12")]
pub(crate) struct Args {
    /// Take back operation N of `roar op log`, not the last one
    #[arg(long = "op", value_name = "N")]
    operation: Option<u64>,
    #[command(flatten)]
    how: How,
}

/// How an operation is taken back.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct How {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let which = args.operation.map_or(Which::Last, Which::Number);
    take_back(ui, context, "roar undo", which, args.how)
}

/// Takes an operation back, or shows what that would do.
pub(super) fn take_back(
    ui: &mut Ui,
    context: &Context,
    command: &str,
    which: Which,
    how: How,
) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let done = match how.dry_run {
        true => workspace.plan_undo(which)?,
        false => context.waiting(ui, workspace.config(), command, |wait| {
            workspace.undo(which, asked::now_ns(), wait)
        })??,
    };
    for notice in &done.notices {
        ui.warn(notice);
    }
    tell(ui, &workspace, &done, how)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(ui: &mut Ui, workspace: &Workspace, done: &Undone, how: How) -> Result<(), CommandError> {
    let snapshot = snapshot_of(ui, workspace)?;
    asked::warn_of_lost_log(ui, &snapshot)?;
    if how.json {
        let undone = op::in_json(&snapshot, &done.operation, &HashMap::new())?;
        let refs: Vec<_> = done.refs.iter().map(op::ref_in_json).collect();
        return ui.json(json!({ "number": done.sequence, "undone": undone, "refs": refs }));
    }
    let would = if how.dry_run { "would undo" } else { "undid" };
    ui.data(format_args!(
        "{would} operation {}: {}",
        done.operation.sequence,
        crate::ui::escape_text(&done.operation.note)
    ))?;
    for moved in &done.refs {
        for line in op::changes(&snapshot, moved)? {
            ui.data(format_args!("  {line}"))?;
        }
    }
    Ok(())
}

impl From<UndoError> for CommandError {
    fn from(err: UndoError) -> Self {
        match err {
            UndoError::Nothing | UndoError::NothingUndone | UndoError::Overtaken { .. } => {
                Self::refused(err).hint("`roar op log` lists the operations")
            }
            UndoError::Unknown { .. } => {
                Self::new(Fault::NotFound, err).hint("`roar op log` lists the operations")
            }
            UndoError::Moved { by, .. } => {
                Self::refused(err).hint(format!("`roar undo --op {by}` takes that one back first"))
            }
            UndoError::Lock(err) => err.into(),
            UndoError::Commit(err) => err.into(),
            UndoError::Repo(err) => err.into(),
            other => Self::refused(other),
        }
    }
}
