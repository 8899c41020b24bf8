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
  $ roar man config set | man -l -
  $ roar man --dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The command whose page is wanted: `config set`, or `config-set` as its page is called
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write every page into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut root = cli::whole();
    root.build();
    match args.dir {
        Some(dir) => write_all(ui, &root, &dir)?,
        None => ui.bytes(&page(&wanted(root, &args.command)?))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds a command by its words, or by what its page is called.
fn wanted(root: clap::Command, words: &[String]) -> Result<clap::Command, CommandError> {
    if let [called] = words {
        let mut commands = Vec::new();
        collect(&root, &mut commands);
        let called = [called.clone(), format!("roar-{called}")];
        let found = commands
            .iter()
            .find(|it| called.iter().any(|page| page == name(it)));
        if let Some(&found) = found {
            return Ok(found.clone());
        }
    }
    words
        .iter()
        .try_fold(root, |command, word| super::help::find(command, word))
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
