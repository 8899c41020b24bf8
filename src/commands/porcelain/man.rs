//! `roar man`.

mod page;

use crate::cli;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use page::{name, page};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print or write the manual pages
///
/// Without anything, the page of `roar` itself, in the form that `man -l -` reads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar man | man -l -
  $ roar man run | man -l -
  $ roar man --dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The command whose page is wanted
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,
    /// Write every page into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut root = cli::whole();
    root.build();
    match args.dir {
        Some(dir) => write_all(ui, &root, &dir)?,
        None => ui.bytes(&page(&super::help::find(root, args.command.as_deref())?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write_all(ui: &Ui, root: &clap::Command, dir: &Path) -> Result<(), CommandError> {
    let cannot = |path: &Path| format!("cannot write '{}'", path.display());
    fs::create_dir_all(dir).map_err(|err| io_error(cannot(dir), err))?;
    let mut commands = Vec::new();
    collect(root, &mut commands);
    for command in &commands {
        let path = dir.join(format!("{}.1", name(command)));
        fs::write(&path, page(command)).map_err(|err| io_error(cannot(&path), err))?;
    }
    ui.note(format_args!(
        "{} pages are in '{}'",
        commands.len(),
        dir.display()
    ));
    Ok(())
}

/// Lists a command and all below it; a page refers to those of its subcommands.
fn collect<'a>(command: &'a clap::Command, into: &mut Vec<&'a clap::Command>) {
    into.push(command);
    for inner in command.get_subcommands() {
        collect(inner, into);
    }
}
