//! `roar for-each-ref`.

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use serde_json::json;
use std::process::ExitCode;

/// List the refs
///
/// One line per ref, sorted by name: the object, its kind, a tab, the ref.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar for-each-ref
  $ roar for-each-ref sessions/")]
pub(crate) struct Args {
    /// Only refs that begin like this
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
    /// Print one JSON object a line: ref, id, kind
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    let prefix = args.prefix.unwrap_or_default();
    for (name, id) in snapshot.objects().references(&prefix)? {
        let kind = snapshot
            .kind_of(id)?
            .map_or("missing", roar_object::Kind::name);
        if args.json {
            ui.json_line(&json!({ "ref": name.as_str(), "id": id.to_string(), "kind": kind }))?;
        } else {
            ui.data(format_args!("{id} {kind}\t{name}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
