//! `roar demo`.

mod project;
mod tour;

use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use project::Project;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many folders are tried.
const TRIES: u32 = 1000;

/// Make a small project, run it under roar, and show what comes of it
///
/// Makes a real machine-learning project in a new folder: data in many files, a split, a training, an
/// evaluation, a report. It is written in Python with nothing beside its standard library, or in shell
/// where there is no Python. Each step is run under roar; then a parameter changes, and the data.
/// Everything that is printed is what the commands print; the folder stays for you to look at.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar demo
  $ roar demo ~/tmp/roar-demo")]
pub(crate) struct Args {
    /// The folder, which must be new or empty; if none is named, `roar-demo`, or the first of `roar-demo-2`,
    /// `roar-demo-3`, … that is
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let shown = match args.directory {
        Some(directory) => directory,
        None => first_free(context.directory()),
    };
    let directory = context.directory().join(&shown);
    prepare(&directory, &shown)?;
    let project = Project::choose();
    project.write(&directory)?;
    tour::lead(ui, project, &directory, &shown)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the first of the folders of its own that nothing is in: earlier tours stay.
fn first_free(here: &Path) -> PathBuf {
    let called = |number: u32| match number {
        1 => PathBuf::from("roar-demo"),
        _ => PathBuf::from(format!("roar-demo-{number}")),
    };
    let is_free = |folder: &PathBuf| match fs::read_dir(here.join(folder)) {
        Ok(mut entries) => entries.next().is_none(),
        Err(err) => err.kind() == io::ErrorKind::NotFound,
    };
    let mut folders = (1..=TRIES).map(called);
    folders.find(is_free).unwrap_or_else(|| called(1))
}

/// Makes the folder; refuses one that has something in it.
fn prepare(directory: &Path, shown: &Path) -> Result<(), CommandError> {
    let shown = shown.display();
    fs::create_dir_all(directory).map_err(|err| io_error(format!("cannot make '{shown}'"), err))?;
    let mut entries =
        fs::read_dir(directory).map_err(|err| io_error(format!("cannot read '{shown}'"), err))?;
    if entries.next().is_some() {
        return Err(CommandError::refused(format!("'{shown}' is not empty"))
            .hint("`roar demo DIR` makes it in another folder"));
    }
    Ok(())
}
