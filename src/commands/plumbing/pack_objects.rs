//! `roar pack-objects`.

use super::object_id;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::replacing::{Replacing, cannot_write};
use crate::ui::Ui;
use roar_object::{FindError, Object, ObjectId, Objects as _};
use roar_pack::{Contents, Writer};
use roar_repo::Snapshot;
use roar_store::{Link, links};
use serde_json::json;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Write objects into a pack
///
/// With names, these objects and everything that they lead to: of a step all that it came from, of a
/// session its whole history. With `--stdin`, just the objects that are read from there. What the pack
/// is called is printed, unless the pack itself goes to standard output.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(after_long_help = "\
Examples:
  $ roar pack-objects -o history.rpk sessions/main
  $ roar pack-objects -o - @3 | roar -C ../other unpack-objects
  $ roar rev-list | roar pack-objects --stdin -o jobs.rpk")]
pub(crate) struct Args {
    /// An object to pack with all that it leads to (can be repeated)
    #[arg(value_name = "OBJECT", required_unless_present = "stdin")]
    words: Vec<OsString>,
    /// Where the pack goes; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: OsString,
    /// Pack the objects named on standard input, one a line, without what they lead to
    #[arg(long, conflicts_with = "words")]
    stdin: bool,
    /// Print JSON: name, objects, bytes, raw
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    if args.output == "-" {
        return to_standard_output(context, &snapshot, &args);
    }
    let path = Path::new(&args.output);
    let (out, contents) = pack(context, &snapshot, &args, path, Replacing::create(path)?)?;
    out.finish()?;
    print(ui, args.json, &contents)?;
    Ok(ExitCode::SUCCESS)
}

fn to_standard_output(
    context: &Context,
    snapshot: &Snapshot,
    args: &Args,
) -> Result<ExitCode, CommandError> {
    let out = io::stdout();
    if out.is_terminal() {
        return Err(CommandError::usage("a pack is no text for a terminal")
            .hint("`-o FILE` writes it into a file"));
    }
    let out = io::BufWriter::with_capacity(1 << 18, out.lock());
    pack(context, snapshot, args, Path::new("-"), out)?;
    Ok(ExitCode::SUCCESS)
}

fn pack<W: Write>(
    context: &Context,
    snapshot: &Snapshot,
    args: &Args,
    path: &Path,
    out: W,
) -> Result<(W, Contents), CommandError> {
    let failed = |err| cannot_write(path, err);
    let mut writer = Writer::new(out).map_err(failed)?;
    let mut add = |object: Object| writer.add(&object).map(drop).map_err(failed);
    if args.stdin {
        each_named(context, snapshot, &mut add)?;
    } else {
        let roots = args.words.iter();
        let roots = roots.map(|word| object_id(context, snapshot, word));
        each_reached(snapshot, roots.collect::<Result<_, _>>()?, &mut add)?;
    }
    writer.finish().map_err(failed)
}

/// Visits the objects that standard input names.
fn each_named(
    context: &Context,
    snapshot: &Snapshot,
    visit: &mut dyn FnMut(Object) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|err| io_error("cannot read standard input".to_owned(), err))?;
        if line.is_empty() {
            continue;
        }
        let whole = std::str::from_utf8(&line)
            .ok()
            .and_then(|it| it.parse().ok());
        let id = match whole {
            Some(id) => id,
            None => object_id(context, snapshot, OsStr::from_bytes(&line))?,
        };
        visit(existing(snapshot, id)?)?;
    }
    Ok(())
}

/// Visits the objects that the roots lead to, each before what it leads to itself.
fn each_reached(
    snapshot: &Snapshot,
    roots: Vec<ObjectId>,
    visit: &mut dyn FnMut(Object) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let needed = |to| Link {
        to,
        optional: false,
    };
    let mut stack: Vec<Link> = roots.into_iter().rev().map(needed).collect();
    let mut seen = HashSet::new();
    while let Some(Link { to, optional }) = stack.pop() {
        if seen.contains(&to) || optional && !snapshot.objects().has(to)? {
            continue;
        }
        seen.insert(to);
        let object = existing(snapshot, to)?;
        let next = links(&object).map_err(FindError::from)?;
        stack.extend(next.into_iter().rev());
        visit(object)?;
    }
    Ok(())
}

fn existing(snapshot: &Snapshot, id: ObjectId) -> Result<Object, CommandError> {
    let object = snapshot.objects().find(id)?;
    object.ok_or_else(|| {
        let err = FindError::Missing { id };
        CommandError::not_found(err).hint("`roar fsck` tells what is missing")
    })
}

fn print(ui: &mut Ui, as_json: bool, contents: &Contents) -> Result<(), CommandError> {
    if as_json {
        return ui.json_line(&fields(contents));
    }
    ui.data(contents.name())
}

/// Returns what is said of a pack in JSON.
pub(super) fn fields(contents: &Contents) -> serde_json::Value {
    json!({
        "name": contents.name().to_string(),
        "objects": contents.objects(),
        "bytes": contents.bytes(),
        "raw": contents.raw(),
    })
}
