//! `roar hash-dataset`.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::trees::{self, Forest};
use crate::ui::Ui;
use roar_object::MemoryObjects;
use roar_tree::Scan;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the name of a directory as a dataset
///
/// The root of the Merkle tree of all files below: 64 hex digits. The same files have the same name
/// wherever they lie. Times, owners and empty directories do not count; whether a file is executable
/// and where a link leads does. Inside a workspace, files that have not changed since they were last
/// looked at are not read again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar hash-dataset data/train
  $ roar hash-dataset --json .")]
pub(crate) struct Args {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Print JSON: the id, counts, and the digest that `roar-cli` and GLaaS know
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let directory = context.directory().join(&args.directory);
    if directory.is_file() {
        let message = format!("'{}' is a file", args.directory.display());
        return Err(
            CommandError::new(Fault::Usage, message).hint("`roar hash-object FILE` names a file")
        );
    }
    if args.json {
        let mut nodes = MemoryObjects::default();
        let scan = trees::scan(ui, context, &directory, &mut nodes)?;
        ui.json(described(&scan, Forest::of(nodes))?)?;
    } else {
        let scan = trees::scan(ui, context, &directory, &mut ())?;
        ui.data(scan.root.id)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(scan: &Scan, nodes: Forest) -> Result<serde_json::Value, CommandError> {
    let composite = roar_tree::composite(nodes, scan.root.id)?;
    Ok(json!({
        "id": scan.root.id.to_string(),
        "files": scan.root.files,
        "bytes": scan.root.bytes,
        "nodes": scan.nodes,
        "composite_blake3": composite.map(|it| it.hex().to_string()),
    }))
}
