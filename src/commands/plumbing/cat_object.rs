//! `roar cat-object`.

use super::object_id;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::json;
use crate::ui::Ui;
use roar_object::{DecodeError, FindError, Object, ObjectId, Objects as _};
use roar_repo::Snapshot;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

/// Print a stored object
///
/// Without an option, its canonical bytes as they are stored. With `--batch`, names are read from
/// standard input, one a line, and each is answered by `<id> <kind> <size>`, a newline, the bytes,
/// a newline; or by `<name> missing`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(after_long_help = "\
Examples:
  $ roar cat-object -p @3
  $ roar cat-object -t 8f41c2aa
  $ roar rev-list | roar cat-object --batch-check")]
pub(crate) struct Args {
    /// The object: a hash or prefix, a step such as `@3`, a ref
    #[arg(value_name = "OBJECT", required_unless_present_any = ["batch", "batch_check"])]
    object: Option<OsString>,
    /// Print its kind
    #[arg(short = 't', group = "what")]
    kind: bool,
    /// Print its size in bytes
    #[arg(short = 's', group = "what")]
    size: bool,
    /// Print it for people
    #[arg(short = 'p', group = "what")]
    pretty: bool,
    /// Print it as JSON, on one line
    #[arg(long, group = "what")]
    json: bool,
    /// Answer for every name on standard input, with the bytes
    #[arg(long, group = "what", conflicts_with = "object")]
    batch: bool,
    /// Answer for every name on standard input, without the bytes
    #[arg(long, group = "what", conflicts_with = "object")]
    batch_check: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot(ui)?;
    let Some(word) = &args.object else {
        return batch(ui, context, &snapshot, args.batch);
    };
    let id = object_id(context, &snapshot, word)?;
    let object = snapshot
        .objects()
        .find(id)?
        .ok_or(FindError::Missing { id })?;
    object.verify().map_err(FindError::from)?;
    print(ui, &args, &object)?;
    Ok(ExitCode::SUCCESS)
}

fn print(ui: &mut Ui, args: &Args, object: &Object) -> Result<(), CommandError> {
    let as_json = || json::object(object).map_err(|err: DecodeError| FindError::from(err));
    if args.kind {
        ui.data(object.kind().name())
    } else if args.size {
        ui.data(object.body().len())
    } else if args.pretty {
        let whole = as_json()?;
        ui.data(format_args!("{whole:#}"))
    } else if args.json {
        ui.json_line(&as_json()?)
    } else {
        ui.bytes(object.body())
    }
}

fn batch(
    ui: &mut Ui,
    context: &Context,
    snapshot: &Snapshot,
    bodies: bool,
) -> Result<ExitCode, CommandError> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|err| io_error("cannot read standard input".to_owned(), err))? == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        let name = line.strip_suffix(b"\n").unwrap_or(&line);
        answer(ui, context, snapshot, name, bodies)?;
        // Whoever asks may wait for the answer before asking again.
        ui.flush()?;
    }
}

fn answer(
    ui: &mut Ui,
    context: &Context,
    snapshot: &Snapshot,
    name: &[u8],
    bodies: bool,
) -> Result<(), CommandError> {
    let Some(id) = find(context, snapshot, name)? else {
        ui.bytes(name)?;
        return ui.bytes(b" missing\n");
    };
    if !bodies {
        return match snapshot.objects().describe(id)? {
            Some((kind, size)) => ui.data(format_args!("{id} {} {size}", kind.name())),
            None => ui.data(format_args!("{id} missing")),
        };
    }
    match snapshot.objects().find(id)? {
        Some(object) => {
            ui.data(format_args!(
                "{id} {} {}",
                object.kind().name(),
                object.body().len()
            ))?;
            ui.bytes(object.body())?;
            ui.bytes(b"\n")
        }
        None => ui.data(format_args!("{id} missing")),
    }
}

/// A name that leads nowhere is an answer, not an error; a store that cannot be read is one.
fn find(
    context: &Context,
    snapshot: &Snapshot,
    name: &[u8],
) -> Result<Option<ObjectId>, CommandError> {
    let whole = std::str::from_utf8(name)
        .ok()
        .and_then(|text| text.parse().ok());
    if whole.is_some() {
        return Ok(whole);
    }
    use crate::error::Fault;
    match object_id(context, snapshot, OsStr::from_bytes(name)) {
        Ok(id) => Ok(Some(id)),
        Err(err) if matches!(err.fault, Fault::NotFound | Fault::Usage) => Ok(None),
        Err(err) => Err(err),
    }
}
