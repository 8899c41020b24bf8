//! `roar init`.

use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use roar_repo::{Workspace, place};
use roar_store::{OpenError, Store};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make a directory a workspace
///
/// Makes `.roar`, which keeps everything that roar remembers about the project, beside `.git` or in
/// the current directory. It ignores itself: nothing is added to `.gitignore`. There is no need for
/// this: `roar run` does it when it is the first.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar init
  $ roar init ~/experiments/first")]
pub(crate) struct Args {
    /// The directory, exactly; made if it is not there
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let root = match &args.directory {
        Some(directory) => made(&context.directory().join(directory))?,
        None => match context.find_workspace()? {
            Some(workspace) => return Ok(told(ui, workspace.root(), false)),
            None => place::choose(context.directory()),
        },
    };
    let before = Store::open(&root.join(place::DOT_ROAR));
    let new = matches!(before, Err(OpenError::NotAStore { .. }));
    let workspace = Workspace::create_at(&root, context.around())?;
    Ok(told(ui, workspace.root(), new))
}

fn made(directory: &Path) -> Result<PathBuf, CommandError> {
    std::fs::create_dir_all(directory)
        .map_err(|err| io_error(format!("cannot make '{}'", directory.display()), err))?;
    Ok(directory.to_owned())
}

fn told(ui: &Ui, root: &Path, new: bool) -> ExitCode {
    let root = root.display();
    if new {
        ui.note(format_args!(
            "'{root}' is a workspace now; put `roar run` before a command"
        ));
    } else {
        ui.note(format_args!("'{root}' is a workspace already"));
    }
    ExitCode::SUCCESS
}
