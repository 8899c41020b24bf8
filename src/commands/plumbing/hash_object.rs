//! `roar hash-object`.

use crate::context::Context;
use crate::error::{CommandError, Fault, fault_below, io_error};
use crate::ui::Ui;
use roar_content::{FileError, FileKind, NameError};
use serde_json::json;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Print the name of a file's bytes: their BLAKE3
///
/// One line per file, in the order they are given: 64 hex digits, the same that `b3sum` prints.
/// Needs no workspace and believes no cache.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar hash-object data/train.csv
  $ roar hash-object --stdin < data/train.csv")]
pub(crate) struct Args {
    /// The file (can be repeated)
    #[arg(value_name = "FILE", required_unless_present = "stdin")]
    files: Vec<OsString>,
    /// Read standard input, before any file
    #[arg(long)]
    stdin: bool,
    /// Print one JSON object a line: path, hash, size
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    if args.stdin {
        let (id, size) = roar_content::name_reader(io::stdin().lock())
            .map_err(|err| io_error("cannot read standard input".to_owned(), err))?;
        print(ui, args.json, None, &id.to_string(), size)?;
    }
    for file in &args.files {
        let named = roar_content::name_file(Path::new(file)).map_err(|err| {
            let streams = [FileKind::Fifo, FileKind::CharacterDevice];
            let is_stream = matches!(err.source, NameError::Kind(kind) if streams.contains(&kind));
            match is_stream {
                true => {
                    cannot_name(err).hint("`roar hash-object --stdin < FILE` reads what is no file")
                }
                false => cannot_name(err),
            }
        })?;
        print(ui, args.json, Some(file), &named.id.to_string(), named.size)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    ui: &mut Ui,
    json: bool,
    file: Option<&OsString>,
    id: &str,
    size: u64,
) -> Result<(), CommandError> {
    if !json {
        return ui.data(id);
    }
    let path = file.map(|file| crate::json::text(file.as_encoded_bytes()));
    ui.json_line(&json!({ "path": path, "hash": id, "size": size }))
}

/// Judges why a file that the user named has no name.
pub(crate) fn cannot_name(err: FileError) -> CommandError {
    let directory = err.path.is_dir();
    let fault = match &err.source {
        NameError::Kind(_) => Fault::Usage,
        _ => fault_below(&err),
    };
    let error = CommandError::new(fault, err);
    if directory {
        return error.hint("`roar hash-dataset DIR` names a directory");
    }
    error
}
