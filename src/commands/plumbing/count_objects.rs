//! `roar count-objects`.

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_object::Kind;
use roar_store::Counts;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Count what is stored
///
/// One line per count: its name, a colon, a number. Sizes are in bytes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar count-objects
  $ roar count-objects --json")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let counts = context.snapshot(ui)?.objects().count()?;
    let fields = fields(&counts);
    if args.json {
        ui.json(Value::Object(fields))?;
    } else {
        for (name, number) in fields {
            ui.data(format_args!("{name}: {number}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the counts by name. The names are a contract.
pub(crate) fn fields(counts: &Counts) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("objects".to_owned(), json!(counts.total()));
    for kind in Kind::ALL {
        fields.insert(format!("{}_objects", kind.name()), json!(counts.of(kind)));
    }
    let others = [
        ("object_bytes", counts.bytes),
        ("refs", counts.refs),
        ("journal_bytes", counts.journal_bytes),
        ("segments", counts.segments),
        ("packs", counts.packs),
        ("pack_bytes", counts.pack_bytes),
        ("index_bytes", counts.sled_bytes),
        ("pending_runs", counts.pending_runs),
    ];
    fields.extend(others.map(|(name, number)| (name.to_owned(), json!(number))));
    fields
}
