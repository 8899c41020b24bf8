//! `roar restore`.

use crate::context::{Context, cache_in};
use crate::error::{CommandError, Fault, fault_below};
use crate::json;
use crate::ui::{Ui, escape};
use roar_graph::{History, Record, Written};
use roar_object::{ContentId, DatasetAt, Kind, Mode, Role};
use roar_repo::blobs::{BlobError, Blobs};
use roar_repo::disk::Disk;
use roar_repo::restore::{Finder, RestoreError, Restored, Terms, Wanted};
use roar_repo::{Snapshot, Target, names};
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Put a recorded file or dataset back
///
/// The version that was recorded last at that path, the bytes with that hash, or all that a step
/// left. Of a directory, the last version of each file in it, without those that a step deleted; if all
/// were deleted, those that were there last. The bytes come from what was kept (`roar run --keep`),
/// else from wherever on disk a recorded file still holds them. What this session does not know is looked
/// for in those that came in bundles, first in the one that knows of it latest. A file that is there and
/// differs is not replaced, unless with `--force`; nothing outside of the project is written, unless
/// `-o` says where.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar restore model.pkl
  $ roar restore @3
  $ roar restore 8f41c2aa -o /tmp/old-model.pkl")]
pub(crate) struct Args {
    /// A path, a step, a hash or prefix
    #[arg(value_name = "REF")]
    word: OsString,
    /// Write here instead: a file, or for a dataset or a step the directory to put it in
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace files that differ
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let output = args
        .output
        .as_ref()
        .map(|path| context.directory().join(path));
    let restore = |snapshot: &Snapshot| {
        let wanted = wanted(context, snapshot, &args.word, output.as_deref())?;
        put_back(snapshot, &wanted, output.is_none(), &args)
    };
    let below = |snapshot: &Snapshot| last_below(context, snapshot, &args.word);
    let (snapshot, restored) = context.first_with(ui, &args.word, &below, restore)?;
    tell(ui, &snapshot, &restored, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn put_back(
    snapshot: &Snapshot,
    wanted: &[Wanted],
    in_place: bool,
    args: &Args,
) -> Result<Vec<Restored>, CommandError> {
    let cache = cache_in(snapshot.root());
    let blobs = Blobs::within(&snapshot.root().join(".roar"));
    let history = snapshot.history()?;
    let finder = Finder::new(&blobs, Disk::new(snapshot.root(), &cache), &history);
    let terms = Terms {
        force: args.force,
        within: in_place.then(|| snapshot.root()),
    };
    finder.restore(wanted, terms).map_err(|err| match err {
        RestoreError::NotKept { id, .. } => {
            let hint = how_to_have(snapshot, &history, id, &args.word);
            CommandError::not_found(err).hint(hint)
        }
        other => other.into(),
    })
}

/// Returns the last job that left or deleted anything in a directory of that name.
fn last_below(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsStr,
) -> Result<Option<usize>, CommandError> {
    let path = names::absolute(context.directory(), Path::new(word));
    let path = snapshot.recorded(&path);
    let wrote = |job: &Record| job.products().any(|file| file.path.is_under(&path));
    Ok(snapshot.records()?.iter().rposition(wrote))
}

/// Returns what can be done about bytes that nobody has.
pub(crate) fn how_to_have(
    snapshot: &Snapshot,
    history: &History<'_>,
    id: ContentId,
    word: &OsStr,
) -> String {
    const KEEP: &str = "`roar run --keep` keeps what is made";
    let word = roar_view::word(word.as_bytes());
    if snapshot.session().starts_with("bundles/") {
        return format!(
            "`roar lineage {word}` tells what it came from; where it was made, \
             `roar bundle create --with-bytes` takes the bytes along"
        );
    }
    let records = history.records();
    let path = |at: &Written| &records[at.record].writes[at.output].path;
    let stands = |at: &&Written| snapshot.is_own() && history.latest_write(path(at)) == Some(**at);
    let writers = history.writers(id);
    match writers.iter().rfind(stands) {
        Some(at) => {
            let step = records[at.record].step;
            format!("`roar rerun {step}` makes it again; {KEEP}")
        }
        None if writers.is_empty() => format!("no recorded job made it; {KEEP}"),
        None => format!("`roar lineage {word}` tells what made it; {KEEP}"),
    }
}

fn wanted(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsStr,
    output: Option<&Path>,
) -> Result<Vec<Wanted>, CommandError> {
    let history = snapshot.history()?;
    let path = names::absolute(context.directory(), Path::new(word));
    let path = snapshot.recorded(&path);
    // What lies there now is not what is asked for.
    if let Some(last) = history.latest_left(&path) {
        // It may have become a directory.
        if history.latest_write(&path) != Some(last) {
            let below = snapshot.files_below(&path, None, output)?;
            if !below.gone {
                return Ok(below.files);
            }
        }
        let file = &history.records()[last.record].writes[last.output];
        let place = place(snapshot, Some(&path), output)?;
        return Ok(vec![one(place, file.id, file.mode, file.size)]);
    }
    let found = context.resolve(snapshot, word);
    if found
        .as_ref()
        .is_err_and(|err| err.fault == Fault::NotFound)
    {
        let below = snapshot.files_below(&path, None, output)?;
        if !below.files.is_empty() {
            return Ok(below.files);
        }
    }
    match found? {
        Target::Artifact { id, path, .. } => {
            let place = place(snapshot, path.as_ref(), output)?;
            let (mode, size) = kind_of(&history, id);
            Ok(vec![one(place, Some(id), mode, size)])
        }
        Target::Dataset { path, record, .. } => {
            let sets = &history.records()[record].datasets;
            let wrote = |set: &DatasetAt| set.role == Role::Written && set.path == path;
            let reader = (!sets.iter().any(wrote)).then_some(record);
            Ok(snapshot.files_below(&path, reader, output)?.files)
        }
        Target::Object {
            id,
            kind: Kind::Tree,
        } => {
            let place = output.ok_or_else(|| nowhere(word))?;
            Ok(snapshot.files_of(id, place)?)
        }
        Target::Job { record } => left_by(snapshot, record, output),
        Target::Object { kind, .. } => Err(CommandError::usage(format!(
            "'{}' is a {}, which has no files",
            word.display(),
            kind.name()
        ))),
    }
}

const fn one(place: PathBuf, id: Option<ContentId>, mode: Mode, size: u64) -> Wanted {
    Wanted {
        place,
        id,
        mode,
        size,
    }
}

fn place(
    snapshot: &Snapshot,
    path: Option<&roar_object::RecordedPath>,
    output: Option<&Path>,
) -> Result<PathBuf, CommandError> {
    match (output, path) {
        (Some(output), _) => Ok(output.to_owned()),
        (None, Some(path)) => Ok(snapshot.place_of(path)?),
        (None, None) => Err(nowhere(OsStr::new("that"))),
    }
}

fn nowhere(word: &OsStr) -> CommandError {
    CommandError::usage(format!("where to put '{}' is not known", word.display()))
        .hint("`-o PATH` says where")
}

/// Returns what sort of file bytes were when they were recorded last, and how many they are.
fn kind_of(history: &History<'_>, id: ContentId) -> (Mode, u64) {
    let records = history.records();
    let written = history.writers(id).into_iter().next_back();
    let written = written.map(|at| &records[at.record].writes[at.output]);
    let read = history.readers(id).into_iter().next_back();
    let read = read.map(|(record, read)| &records[record].reads[read]);
    let written = written.map(|file| (file.mode, file.size));
    written
        .or_else(|| read.map(|file| (file.mode, file.size)))
        .unwrap_or((Mode::File, 0))
}

/// All that a step left, where it was or below another directory.
fn left_by(
    snapshot: &Snapshot,
    record: usize,
    output: Option<&Path>,
) -> Result<Vec<Wanted>, CommandError> {
    let mut files = snapshot.files_left_by(record)?;
    if let Some(output) = output {
        for file in &mut files {
            let inside = file.place.strip_prefix(snapshot.root());
            file.place = output.join(inside.unwrap_or(&file.place));
        }
    }
    if files.is_empty() {
        let step = snapshot.records()?[record].step;
        return Err(CommandError::refused(format!("{step} left no files")));
    }
    Ok(files)
}

fn tell(
    ui: &mut Ui,
    snapshot: &Snapshot,
    restored: &[Restored],
    as_json: bool,
) -> Result<(), CommandError> {
    if as_json {
        let files = restored.iter().map(|file| {
            json!({
                "path": json::path(&snapshot.recorded(&file.place)),
                "hash": file.id.to_string(),
                "written": file.written,
            })
        });
        return ui.json(json!({ "files": files.collect::<Vec<_>>() }));
    }
    for file in restored.iter().filter(|file| file.written) {
        let path = snapshot.recorded(&file.place).shown();
        ui.data(format_args!("restored {}", escape(&path)))?;
    }
    match restored.iter().filter(|file| !file.written).count() {
        0 => {}
        1 => ui.note("1 file was there already"),
        there => ui.note(format_args!("{there} files were there already")),
    }
    Ok(())
}

impl From<BlobError> for CommandError {
    fn from(err: BlobError) -> Self {
        match err {
            BlobError::Other { .. } => Self::new(Fault::Damaged, err)
                .hint("a kept file was changed, and no recorded file has its bytes; `roar fsck --rebuild` moves it out of the way"),
            _ => Self::new(fault_below(&err), err),
        }
    }
}

impl From<RestoreError> for CommandError {
    fn from(err: RestoreError) -> Self {
        match err {
            RestoreError::NotKept { .. } | RestoreError::Unnamed { .. } => Self::not_found(err),
            RestoreError::Differs { .. } => {
                Self::refused(err).hint("`--force` replaces it; `-o PATH` writes elsewhere")
            }
            RestoreError::Outside { .. } | RestoreError::Reserved { .. } => {
                Self::refused(err).hint("`-o PATH` writes elsewhere")
            }
            RestoreError::Blob(err) => err.into(),
            RestoreError::Repo(err) => err.into(),
            RestoreError::Tree(err) => err.into(),
            other => Self::new(fault_below(&other), other),
        }
    }
}
