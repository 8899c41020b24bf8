//! `roar redo`.

use super::undo::{How, take_back};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_repo::operations::Which;
use std::process::ExitCode;

/// Bring back what the last undo took away
///
/// Taking back an undo is an operation like any other; `roar op log` lists it. Once something else was
/// recorded since the undo, there is nothing to bring back without losing that, and nothing is done.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar undo
  $ roar redo
  $ roar redo --dry-run")]
pub(crate) struct Args {
    #[command(flatten)]
    how: How,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    take_back(ui, context, "roar redo", Which::LastUndo, args.how)
}
