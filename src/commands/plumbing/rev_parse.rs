//! `roar rev-parse`.

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_repo::{Snapshot, Target};
use serde_json::json;
use std::ffi::OsString;
use std::process::ExitCode;

/// Print the whole name of what words name
///
/// One line per word, 64 hex digits: of a step its job, of a path the bytes that are there, of a
/// directory the dataset that was recorded there.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar rev-parse @3
  $ roar rev-parse 8f41 model.json sessions/main")]
pub(crate) struct Args {
    /// A step, a hash or prefix, a path, a ref (can be repeated)
    #[arg(value_name = "REF", required = true)]
    words: Vec<OsString>,
    /// Print one JSON object a line: id, kind
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    for word in &args.words {
        let target = context.resolve(&snapshot, word)?;
        let (id, kind) = named(&snapshot, &target)?;
        if args.json {
            ui.json_line(&json!({ "id": id, "kind": kind }))?;
        } else {
            ui.data(id)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn named(snapshot: &Snapshot, target: &Target) -> Result<(String, &'static str), CommandError> {
    Ok(match target {
        Target::Job { record } => (snapshot.records()?[*record].job.to_string(), "job"),
        Target::Artifact { id, .. } => (id.to_string(), "artifact"),
        Target::Dataset { id, .. } => (id.to_string(), "tree"),
        Target::Object { id, kind } => (id.to_string(), kind.name()),
    })
}
