//! `roar bundle`.

mod create;
mod secrets;
mod take;

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Carry lineage from one machine to another, in a file
///
/// A bundle holds jobs with all that they came from and need: what was run, on what, in which
/// environment; names of files, not the files, unless they are asked for. It never touches the session
/// of the workspace that takes it in: what it brings is found by hash, and under `bundles/NAME/`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar bundle create model.roar model.pkl
  $ roar bundle create --with-bytes --code all.roar @3 @4
  $ roar bundle verify model.roar
  $ roar bundle import model.roar
  $ roar dag --session bundles/model/session")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Write a bundle of what steps, files or objects came from
    Create(Create),
    /// Take a bundle in
    Import(Import),
    /// Check a bundle, and tell what is in it
    Verify {
        /// The bundle
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Steps, files, datasets, hashes (can be repeated)
    #[arg(value_name = "REF", required = true)]
    words: Vec<OsString>,
    /// Take along the bytes of files, where they were kept or are still there
    #[arg(long)]
    with_bytes: bool,
    /// Take along the state of the code, with its history, as git has it
    #[arg(long)]
    code: bool,
    /// List what would leave this machine, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace the file if it exists, and let out what looks like a secret
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to call it here; if not given, as the file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Do not keep the files that it carries
    #[arg(long)]
    no_bytes: bool,
    /// Check everything, and take nothing in
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    match args.action {
        Action::Create(args) => create::run(ui, context, &args)?,
        Action::Import(args) => take::import(ui, context, &args)?,
        Action::Verify { file, json } => take::verify(ui, context, &file, json)?,
    }
    Ok(ExitCode::SUCCESS)
}
