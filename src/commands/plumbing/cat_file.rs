//! `roar cat-file`.

use crate::commands::porcelain::restore::how_to_have;
use crate::context::{Context, cache_in};
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use roar_content::reach;
use roar_object::ContentId;
use roar_repo::blobs::Blobs;
use roar_repo::disk::Disk;
use roar_repo::restore::Finder;
use roar_repo::{Snapshot, Target};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the bytes of a recorded file
///
/// They come from what was kept (`roar run --keep`), else from wherever on disk a recorded file still
/// holds them, and are hashed before the first is printed. Exit code 3 if nobody has them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar cat-file 61220277
  $ roar cat-file model.json | jq .")]
pub(crate) struct Args {
    /// A hash or prefix, or a path: the file that is there now, else the latest recorded there
    #[arg(value_name = "FILE")]
    word: OsString,
    /// Print nothing; tell by the exit code whether the bytes can be had
    #[arg(short = 'e')]
    exists: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let find = |snapshot: &Snapshot| find(context, snapshot, &args.word);
    let (_, found) = context.first_with(ui, &args.word, &|_| Ok(None), find)?;
    if !args.exists {
        print(ui, &found)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn find(context: &Context, snapshot: &Snapshot, word: &OsString) -> Result<PathBuf, CommandError> {
    let id = content_id(context, snapshot, word)?;
    let cache = cache_in(snapshot.root());
    let blobs = Blobs::within(&snapshot.root().join(".roar"));
    let history = snapshot.history()?;
    let finder = Finder::new(&blobs, Disk::new(snapshot.root(), &cache), &history);
    finder.find(id)?.ok_or_else(|| {
        let hint = how_to_have(snapshot, &history, id, word);
        CommandError::not_found(format!("the bytes of '{id}' were not kept")).hint(hint)
    })
}

/// Every content has a name, recorded here or not; only a whole one is taken as it stands.
fn content_id(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsString,
) -> Result<ContentId, CommandError> {
    if let Some(id) = word.to_str().and_then(|word| word.parse().ok()) {
        return Ok(id);
    }
    match context.resolve(snapshot, word)? {
        Target::Artifact { id, .. } => Ok(id),
        _ => Err(
            CommandError::usage(format!("'{}' is not a file", word.display()))
                .hint("`roar cat-object` prints objects, `roar restore` brings datasets back"),
        ),
    }
}

fn print(ui: &mut Ui, path: &Path) -> Result<(), CommandError> {
    let unreadable = |err: io::Error| io_error(format!("cannot read '{}'", path.display()), err);
    let mut file = reach(path).and_then(File::open).map_err(unreadable)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(()),
            read => ui.bytes(&buffer[..read])?,
        }
    }
}
