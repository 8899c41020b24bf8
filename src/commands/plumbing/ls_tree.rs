//! `roar ls-tree`.

use crate::context::Context;
use crate::error::CommandError;
use crate::json::{entry_id, mode, text};
use crate::trees::{Finder, Forest, Side, reads_nothing};
use crate::ui::{Ui, quote};
use roar_object::{Entry, ObjectId};
use roar_tree::Found;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

/// List the files of a dataset
///
/// A dataset is named by its hash or prefix, a directory as it is now, or a job such as `@3`, which
/// stands for all files that it wrote, or read with `--reads`.
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
    /// A dataset: its hash or prefix, a directory as it is now, or a job
    #[arg(value_name = "DATASET")]
    tree: OsString,
    /// Only what is at this path inside, or below it
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Go into directories
    #[arg(short, long)]
    recursive: bool,
    /// Of a job, list what it read
    #[arg(long)]
    reads: bool,
    #[command(flatten)]
    form: super::Form,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut finder = Finder::new(ui, context)?;
    let side = finder.find(ui, &args.tree)?;
    let forest = finder.finish();
    let root = match side {
        Side::Tree(_) if args.reads => return Err(reads_nothing(&[&args.tree])),
        Side::Tree(root) => root,
        Side::Job(record) => {
            list_job(ui, &args, forest.files(record, args.reads)?)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let (root, prefix) = match &args.path {
        Some(path) => match below(&forest, root, path)? {
            Below::Directory(id, prefix) => (id, prefix),
            Below::File(found) => {
                print(ui, args.form, &found)?;
                return Ok(ExitCode::SUCCESS);
            }
        },
        None => (root, Vec::new()),
    };
    for found in roar_tree::list(&forest, root, args.recursive) {
        let mut found = found?;
        found.path.splice(0..0, prefix.iter().copied());
        print(ui, args.form, &found)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the files of a job, or those of them that are at a path or below it.
fn list_job(ui: &mut Ui, args: &Args, files: Vec<Found>) -> Result<(), CommandError> {
    let Some(path) = &args.path else {
        return files
            .iter()
            .try_for_each(|found| print(ui, args.form, found));
    };
    let clean = without_slash(path);
    let inside = |found: &&Found| {
        let rest = found.path.strip_prefix(clean);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let inside: Vec<_> = files.iter().filter(inside).collect();
    if inside.is_empty() {
        return Err(missing(path));
    }
    inside
        .into_iter()
        .try_for_each(|found| print(ui, args.form, found))
}

fn without_slash(path: &OsString) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.strip_suffix(b"/").unwrap_or(bytes)
}

fn missing(path: &OsString) -> CommandError {
    CommandError::not_found(format!("there is no '{}' in it", path.display()))
}

/// What is at a path inside a tree.
enum Below {
    /// A directory, and the beginning of the paths in it.
    Directory(ObjectId, Vec<u8>),
    File(Found),
}

/// Goes to a path inside the tree.
fn below(forest: &Forest, root: ObjectId, path: &OsString) -> Result<Below, CommandError> {
    let clean = without_slash(path);
    if matches!(clean, b"" | b".") {
        return Ok(Below::Directory(root, Vec::new()));
    }
    let entry = roar_tree::lookup(forest, root, clean)?.ok_or_else(|| missing(path))?;
    Ok(match entry.tree_id() {
        Some(id) => Below::Directory(id, [clean, b"/"].concat()),
        None => Below::File(Found {
            path: clean.to_vec(),
            entry,
        }),
    })
}

fn print(ui: &mut Ui, form: super::Form, found: &Found) -> Result<(), CommandError> {
    if form.json {
        return ui.json_line(&described(found));
    }
    if form.nul {
        ui.bytes(start(&found.entry).as_bytes())?;
        ui.bytes(&found.path)?;
        return ui.bytes(b"\0");
    }
    ui.data(line(found))
}

/// Returns what is printed of an entry.
pub(super) fn line(found: &Found) -> String {
    format!("{}{}", start(&found.entry), quote(&found.path))
}

fn start(entry: &Entry) -> String {
    let id = entry_id(entry).unwrap_or_else(|| "-".repeat(64));
    format!("{} {id} {}\t", mode(entry.mode), entry.size)
}

/// Returns what is printed of an entry in JSON.
pub(super) fn described(found: &Found) -> Value {
    let Found { path, entry } = found;
    json!({
        "path": text(path), "mode": mode(entry.mode), "id": entry_id(entry), "size": entry.size,
        "files": entry.files,
    })
}
