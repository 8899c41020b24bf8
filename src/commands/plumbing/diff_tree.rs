//! `roar diff-tree`.

use crate::context::Context;
use crate::error::CommandError;
use crate::json::{entry_id, mode, text};
use crate::trees::{Finder, Forest, Side};
use crate::ui::{Ui, Verbosity, quote};
use roar_object::{Entry, ObjectId};
use roar_tree::Difference;
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
type Paths = BTreeMap<Vec<u8>, Option<String>>;

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut finder = Finder::new(ui, context)?;
    let left = finder.find(ui, &args.left)?;
    let right = finder.find(ui, &args.right)?;
    let forest = finder.finish();
    let differs = match (&left, &right) {
        (Side::Tree(left), Side::Tree(right)) => trees(ui, &args, &forest, *left, *right)?,
        _ => {
            let paths = |side| paths(side, args.reads, &forest);
            lists(ui, &args, &paths(&left)?, &paths(&right)?)?
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
        let described = |entry: &Option<Entry>| entry.as_ref().map(entry_json);
        print(
            ui,
            args,
            &path,
            [entry_side(&left), entry_side(&right)],
            || json!({ "left": described(&left), "right": described(&right) }),
        )?;
    }
    Ok(differs)
}

/// Whether there is something, and its name if it has one.
type Named = Option<Option<String>>;

fn entry_side(entry: &Option<Entry>) -> Named {
    entry.as_ref().map(entry_id)
}

fn entry_json(entry: &Entry) -> Value {
    json!({ "mode": mode(entry.mode), "id": entry_id(entry), "size": entry.size })
}

/// Compares lists of paths.
fn lists(ui: &mut Ui, args: &Args, left: &Paths, right: &Paths) -> Result<bool, CommandError> {
    let mut differs = false;
    let all: BTreeSet<&Vec<u8>> = left.keys().chain(right.keys()).collect();
    for path in all {
        let sides = [left.get(path).cloned(), right.get(path).cloned()];
        // Of two files that could not be read nobody knows whether they are the same.
        if sides[0] == sides[1] && sides[0] != Some(None) {
            continue;
        }
        differs = true;
        if ui.verbosity() == Verbosity::Quiet {
            break;
        }
        let described = |side: &Named| side.as_ref().map(|id| json!({ "id": id }));
        let json = || json!({ "left": described(&sides[0]), "right": described(&sides[1]) });
        print(ui, args, path, sides.clone(), json)?;
    }
    Ok(differs)
}

/// Returns the paths of a side: of a job, below the project relative, others absolute.
fn paths(side: &Side, reads: bool, forest: &Forest) -> Result<Paths, CommandError> {
    let (record, snapshot) = match (side, forest.snapshot()) {
        (Side::Tree(root), _) => return listed(forest, *root),
        (Side::Job(record), Some(snapshot)) => (*record, snapshot),
        (Side::Job(_), None) => return Ok(Paths::new()),
    };
    let record = &snapshot.records()?[record];
    let hex = |id: Option<roar_object::ContentId>| id.map(|id| id.to_string());
    if reads {
        let files = record.reads.iter();
        return Ok(files
            .map(|file| (file.path.shown(), hex(file.id)))
            .collect());
    }
    let files = record.writes.iter().filter(|file| file.remains());
    Ok(files
        .map(|file| (file.path.shown(), hex(file.id)))
        .collect())
}

fn listed(forest: &Forest, root: ObjectId) -> Result<Paths, CommandError> {
    let found = roar_tree::list(forest, root, true);
    let pairs = found.map(|found| found.map(|it| (it.path, entry_id(&it.entry))));
    Ok(pairs.collect::<Result<_, _>>()?)
}

fn print(
    ui: &mut Ui,
    args: &Args,
    path: &[u8],
    [left, right]: [Named; 2],
    sides: impl Fn() -> Value,
) -> Result<(), CommandError> {
    let (letter, word) = match (&left, &right) {
        (None, _) => ("A", "added"),
        (_, None) => ("D", "deleted"),
        _ => ("M", "modified"),
    };
    if args.form.json {
        let mut line = json!({ "path": text(path), "change": word });
        if let (Value::Object(line), Value::Object(sides)) = (&mut line, sides()) {
            line.extend(sides);
        }
        return ui.json_line(&line);
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
fn hex(side: Named) -> String {
    match side {
        None => "0".repeat(64),
        Some(None) => "-".repeat(64),
        Some(Some(id)) => id,
    }
}
