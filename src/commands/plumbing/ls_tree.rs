//! `roar ls-tree`.

use crate::context::Context;
use crate::error::CommandError;
use crate::json::{entry_id, mode, text};
use crate::trees::{Finder, Forest, Side};
use crate::ui::{Ui, quote};
use roar_object::ObjectId;
use roar_tree::Found;
use serde_json::json;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

/// List the files of a dataset
///
/// One line per entry: what it is (`file`, `executable`, `symlink`, `directory`, or `unnamed` for a
/// file that could not be read), its name, its size in bytes, a tab, its path. Directories are gone
/// into with `-r`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar ls-tree -r data/train
  $ roar ls-tree 8f41c2aa validation")]
pub(crate) struct Args {
    /// A dataset: its hash or prefix, or a directory as it is now
    #[arg(value_name = "DATASET")]
    tree: OsString,
    /// Only what is at this path inside, or below it
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Go into directories
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    form: super::Form,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut finder = Finder::new(ui, context)?;
    let Side::Tree(root) = finder.find(ui, &args.tree)? else {
        let message = format!("'{}' is a job, not a dataset", args.tree.display());
        return Err(
            CommandError::usage(message).hint("`roar show` lists what a job read and wrote")
        );
    };
    let forest = finder.finish();
    let (root, prefix) = match &args.path {
        Some(path) => below(&forest, root, path)?,
        None => (root, Vec::new()),
    };
    for found in roar_tree::list(&forest, root, args.recursive) {
        let mut found = found?;
        found.path.splice(0..0, prefix.iter().copied());
        print(ui, args.form, &found)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Goes to a directory inside the tree; returns it and the beginning of the paths in it.
fn below(
    forest: &Forest,
    root: ObjectId,
    path: &OsString,
) -> Result<(ObjectId, Vec<u8>), CommandError> {
    let missing = || CommandError::not_found(format!("there is no '{}' in it", path.display()));
    let clean = path
        .as_bytes()
        .strip_suffix(b"/")
        .unwrap_or(path.as_bytes());
    let entry = roar_tree::lookup(forest, root, clean)?.ok_or_else(missing)?;
    match entry.tree_id() {
        Some(id) => Ok((id, [clean, b"/"].concat())),
        None => Err(CommandError::usage(format!(
            "'{}' is no directory",
            path.display()
        ))),
    }
}

fn print(ui: &mut Ui, form: super::Form, found: &Found) -> Result<(), CommandError> {
    let (mode, id, size) = (
        mode(found.entry.mode),
        entry_id(&found.entry),
        found.entry.size,
    );
    if form.json {
        return ui.json_line(&json!({
            "path": text(&found.path), "mode": mode, "id": id, "size": size, "files": found.entry.files,
        }));
    }
    let id = id.unwrap_or_else(|| "-".repeat(64));
    if form.nul {
        ui.bytes(format!("{mode} {id} {size}\t").as_bytes())?;
        ui.bytes(&found.path)?;
        return ui.bytes(b"\0");
    }
    ui.data(format_args!("{mode} {id} {size}\t{}", quote(&found.path)))
}
