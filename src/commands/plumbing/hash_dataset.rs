//! `roar hash-dataset`.

use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault};
use crate::trees::{self, Forest};
use crate::ui::Ui;
use roar_object::{MemoryObjects, Object};
use roar_store::PackSink;
use roar_tree::{Scan, Sink, SinkError};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the name of a directory as a dataset
///
/// The root of the Merkle tree of all files below: 64 hex digits. The same files have the same name
/// wherever they lie. Times, owners and empty directories do not count; whether a file is executable
/// and where a link leads does. Inside a workspace, files that have not changed since they were last
/// looked at are not read again.
///
/// Links are named by where they lead, and not followed. Named pipes, sockets and devices are left out,
/// and so is what is gone before it can be read; a note says so. A file or directory that cannot be
/// read, or a file that is written to each time it is, is an error.
///
/// `--write` keeps the dataset in the workspace, its files' names and sizes but not their bytes: then
/// `diff-tree`, `ls-tree` and `verify-member` take its name. What no run and no ref (`update-ref`) leads to is
/// collected when it is 14 days old.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar hash-dataset data/train
  $ roar hash-dataset --write data/train
  $ roar hash-dataset --json .")]
pub(crate) struct Args {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Keep the dataset in the store
    #[arg(short, long)]
    write: bool,
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
    let (scan, nodes) = match (args.write, args.json) {
        (true, _) => stored(ui, context, &directory)?,
        (false, true) => {
            let mut nodes = MemoryObjects::default();
            let scan = trees::scan(ui, context, &directory, &mut nodes)?;
            (scan, Forest::of(nodes))
        }
        (false, false) => {
            let scan = trees::scan(ui, context, &directory, &mut ())?;
            (scan, Forest::of(MemoryObjects::default()))
        }
    };
    if args.json {
        ui.json(described(&scan, nodes)?)?;
    } else {
        ui.data(scan.root.id)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Names a directory and keeps its nodes; returns them from where they are kept.
fn stored(ui: &Ui, context: &Context, directory: &Path) -> Result<(Scan, Forest), CommandError> {
    let workspace = context.workspace(ui)?;
    let Some(store) = workspace.store() else {
        let message = "the store of this workspace cannot be written";
        return Err(CommandError::refused(message).hint("`roar fsck` tells more"));
    };
    let mut pack = IntoPack(store.new_pack()?);
    let scan = trees::scan(ui, context, directory, &mut pack)?;
    pack.0.finish()?;
    let snapshot = snapshot_of(ui, &workspace)?;
    Ok((scan, Forest::stored(snapshot)))
}

/// A pack that nodes go into.
struct IntoPack(PackSink);

impl Sink for IntoPack {
    fn put(&mut self, object: Object) -> Result<(), SinkError> {
        self.0.add(&object).map(drop).map_err(SinkError::new)
    }
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
