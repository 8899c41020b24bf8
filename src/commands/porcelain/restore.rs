//! `roar restore`.

use crate::context::{Context, cache_in};
use crate::error::{CommandError, Fault, fault_below};
use crate::json;
use crate::ui::{Ui, escape};
use roar_graph::History;
use roar_object::{ContentId, Kind, Mode};
use roar_repo::blobs::{BlobError, Blobs};
use roar_repo::disk::Disk;
use roar_repo::restore::{Finder, RestoreError, Restored, Terms, Wanted};
use roar_repo::{Snapshot, Target, names};
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Put a recorded file or dataset back
///
/// The version that was recorded last at that path, the bytes with that hash, or all that a step
/// left. The bytes come from what was kept (`roar run --keep`), else from wherever on disk a recorded
/// file still holds them. A file that is there and differs is not replaced, unless with `--force`;
/// nothing outside of the project is written, unless `-o` says where.
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
    let snapshot = context.snapshot_for(ui, &args.word)?;
    let output = args
        .output
        .as_ref()
        .map(|path| context.directory().join(path));
    let wanted = wanted(context, &snapshot, &args.word, output.as_deref())?;
    let cache = cache_in(snapshot.root());
    let blobs = Blobs::within(&snapshot.root().join(".roar"));
    let history = snapshot.history()?;
    let finder = Finder::new(&blobs, Disk::new(snapshot.root(), &cache), &history);
    let terms = Terms {
        force: args.force,
        within: output.is_none().then(|| snapshot.root()),
    };
    let restored = finder.restore(&wanted, terms)?;
    tell(ui, &snapshot, &restored, args.json)?;
    Ok(ExitCode::SUCCESS)
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
        let file = &history.records()[last.record].writes[last.output];
        let place = place(snapshot, Some(&path), output)?;
        return Ok(vec![one(place, file.id, file.mode, file.size)]);
    }
    let found = context.resolve(snapshot, word);
    if found
        .as_ref()
        .is_err_and(|err| err.fault == Fault::NotFound)
    {
        let below = snapshot.files_below(&path, output)?;
        if !below.is_empty() {
            return Ok(below);
        }
    }
    match found? {
        Target::Artifact { id, path, .. } => {
            let place = place(snapshot, path.as_ref(), output)?;
            let (mode, size) = kind_of(&history, id);
            Ok(vec![one(place, Some(id), mode, size)])
        }
        Target::Dataset { id, path, .. } => {
            let place = place(snapshot, Some(&path), output)?;
            Ok(snapshot.files_of(id, &place)?)
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
            RestoreError::NotKept { .. } => Self::not_found(err)
                .hint("`roar rerun PATH` makes it again; `roar run --keep` keeps what is made"),
            RestoreError::Unnamed { .. } => Self::not_found(err),
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
