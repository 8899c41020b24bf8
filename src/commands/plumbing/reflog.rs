//! `roar reflog`.

use crate::asked;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::{Ui, escape_text};
use roar_object::ObjectId;
use roar_store::{RefName, ReflogEntry};
use serde_json::json;
use std::process::ExitCode;

/// Show what a ref named, newest first
///
/// One line per change: what it named before and after (64 zeros for nothing), the time in
/// nanoseconds since 1970, a tab, what changed it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar reflog
  $ roar reflog notes/best")]
pub(crate) struct Args {
    /// The ref
    #[arg(value_name = "REF", default_value = "sessions/main")]
    name: String,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    let name = RefName::new(args.name)?;
    asked::warn_of_lost_log(ui, &snapshot)?;
    let entries = snapshot.objects().reflog(&name)?;
    if entries.is_empty() && name.as_str() != "sessions/main" {
        return Err(
            CommandError::not_found(format!("there never was a ref '{name}'"))
                .hint("`roar for-each-ref` lists those that there are"),
        );
    }
    for entry in entries.iter().rev() {
        print(ui, args.json, entry)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(ui: &mut Ui, json: bool, entry: &ReflogEntry) -> Result<(), CommandError> {
    if json {
        let hex = |id: Option<ObjectId>| id.map(|id| id.to_string());
        return ui.json_line(&json!({
            "old": hex(entry.old),
            "new": hex(entry.new),
            "at_ns": entry.at_ns,
            "sequence": entry.sequence,
            "note": entry.note,
        }));
    }
    let hex = |id: Option<ObjectId>| id.map_or_else(|| "0".repeat(64), |id| id.to_string());
    let (old, new, note) = (hex(entry.old), hex(entry.new), escape_text(&entry.note));
    ui.data(format_args!("{old} {new} {}\t{note}", entry.at_ns))
}
