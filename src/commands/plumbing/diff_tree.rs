//! `roar diff-tree`.

use crate::context::Context;
use crate::error::CommandError;
use crate::json::{entry_id, mode, text};
use crate::trees::{Finder, Forest, Side, reads_nothing};
use crate::ui::{Ui, Verbosity, quote};
use roar_object::{Entry, Mode, ObjectId};
use roar_tree::{Difference, Found};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::ExitCode;

/// Tell two datasets apart
///
/// Each side is a dataset (its hash or prefix), a directory as it is now, or a job such as `@3`,
/// which stands for the files that it wrote, or read with `--reads`.
///
/// One line per file that differs: `A` (only on the right), `D` (only on the left) or `M`, the name
/// of its bytes on the left and on the right, a tab, its path. Exit code 1 if anything differs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar diff-tree data/v1 data/v2
  $ roar diff-tree 8f41c2aa data/train
  $ roar diff-tree --reads @2 @5
  $ roar -q diff-tree data/v1 data/v2")]
pub(crate) struct Args {
    /// The left side
    #[arg(value_name = "A")]
    left: OsString,
    /// The right side
    #[arg(value_name = "B")]
    right: OsString,
    /// Of jobs, compare what they read
    #[arg(long)]
    reads: bool,
    #[command(flatten)]
    form: super::Form,
}

/// One side, as paths.
type Paths = BTreeMap<Vec<u8>, Entry>;

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut finder = Finder::new(ui, context)?;
    let left = finder.find(ui, &args.left)?;
    let right = finder.find(ui, &args.right)?;
    let forest = finder.finish();
    let differs = match (&left, &right) {
        (Side::Tree(_), Side::Tree(_)) if args.reads => {
            return Err(reads_nothing(&[&args.left, &args.right]));
        }
        (Side::Tree(left), Side::Tree(right)) => trees(ui, &args, &forest, *left, *right)?,
        _ => {
            let paths = |side| paths(side, args.reads, &forest);
            lists(ui, &args, paths(&left)?, paths(&right)?)?
        }
    };
    Ok(ExitCode::from(u8::from(differs)))
}

/// Compares trees; what they share is not read.
fn trees(
    ui: &mut Ui,
    args: &Args,
    forest: &Forest,
    left: ObjectId,
    right: ObjectId,
) -> Result<bool, CommandError> {
    let mut differs = false;
    for difference in roar_tree::diff(forest, left, right) {
        differs = true;
        if ui.verbosity() == Verbosity::Quiet {
            break;
        }
        let Difference { path, left, right } = difference?;
        print(ui, args, &path, [left.as_ref(), right.as_ref()])?;
    }
    Ok(differs)
}

fn entry_json(entry: &Entry) -> Value {
    json!({ "mode": mode(entry.mode), "id": entry_id(entry), "size": entry.size })
}

/// Compares lists of paths.
fn lists(ui: &mut Ui, args: &Args, left: Paths, right: Paths) -> Result<bool, CommandError> {
    let mut differs = false;
    let all: BTreeSet<&Vec<u8>> = left.keys().chain(right.keys()).collect();
    for path in all {
        let sides = [left.get(path), right.get(path)];
        if is_same(sides) {
            continue;
        }
        differs = true;
        if ui.verbosity() == Verbosity::Quiet {
            break;
        }
        print(ui, args, path, sides)?;
    }
    Ok(differs)
}

/// Compares mode and bytes. Of two files that could not be read nobody knows whether they are the
/// same.
fn is_same([left, right]: [Option<&Entry>; 2]) -> bool {
    let parts = |entry: &Entry| (entry.mode, entry.content_id());
    left.map(parts) == right.map(parts) && left.is_some_and(|entry| entry.mode != Mode::Unnamed)
}

/// Returns the paths of a side: of a job, below the project relative, others absolute.
fn paths(side: &Side, reads: bool, forest: &Forest) -> Result<Paths, CommandError> {
    let pair = |found: Found| (found.path, found.entry);
    match side {
        Side::Tree(root) => {
            let found = roar_tree::list(forest, *root, true);
            Ok(found
                .map(|found| found.map(pair))
                .collect::<Result<_, _>>()?)
        }
        Side::Job(record) => Ok(forest
            .files(*record, reads)?
            .into_iter()
            .map(pair)
            .collect()),
    }
}

fn print(
    ui: &mut Ui,
    args: &Args,
    path: &[u8],
    [left, right]: [Option<&Entry>; 2],
) -> Result<(), CommandError> {
    let (letter, word) = match (left, right) {
        (None, _) => ("A", "added"),
        (_, None) => ("D", "deleted"),
        _ => ("M", "modified"),
    };
    if args.form.json {
        return ui.json_line(&json!({
            "path": text(path), "change": word,
            "left": left.map(entry_json), "right": right.map(entry_json),
        }));
    }
    let (left, right) = (hex(left), hex(right));
    if args.form.nul {
        ui.bytes(format!("{letter} {left} {right}\t").as_bytes())?;
        ui.bytes(path)?;
        return ui.bytes(b"\0");
    }
    ui.data(format_args!("{letter} {left} {right}\t{}", quote(path)))
}

/// Zeros for what is not there, dashes for what could not be read.
fn hex(side: Option<&Entry>) -> String {
    match side {
        None => "0".repeat(64),
        Some(entry) => entry_id(entry).unwrap_or_else(|| "-".repeat(64)),
    }
}
