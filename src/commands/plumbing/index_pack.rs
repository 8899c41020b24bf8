//! `roar index-pack`.

use super::pack_objects::fields;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::replacing::{Replacing, cannot_write};
use crate::ui::Ui;
use roar_pack::{Contents, Limits, PackError};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check a pack and write its index
///
/// Every byte of the pack is checked. The index is written beside it, under the same name with `.rix`
/// at the end. What the pack is called is printed. Needs no workspace.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar index-pack history.rpk
  $ roar index-pack -o /tmp/history.rix history.rpk")]
pub(crate) struct Args {
    /// The pack
    #[arg(value_name = "FILE")]
    pack: PathBuf,
    /// Where the index goes
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON: name, objects, bytes, raw
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let contents = read_pack(&args.pack)?.map_err(|err| in_file(&args.pack, err))?;
    let index = args.output.unwrap_or_else(|| index_of(&args.pack));
    let mut out = Replacing::create(&index)?;
    contents
        .write_index(&mut out)
        .map_err(|err| cannot_write(&index, err))?;
    out.finish()?;
    if args.json {
        ui.json_line(&fields(&contents))?;
    } else {
        ui.data(contents.name())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns where the index of a pack is.
pub(super) fn index_of(pack: &Path) -> PathBuf {
    pack.with_extension("rix")
}

/// Checks every byte of a pack, and returns what it holds or what is wrong with it.
pub(super) fn read_pack(path: &Path) -> Result<Result<Contents, PackError>, CommandError> {
    let file = File::open(path)
        .map_err(|err| io_error(format!("cannot open '{}'", path.display()), err))?;
    let input = BufReader::with_capacity(1 << 18, file);
    Ok(roar_pack::read(input, &Limits::own(), &mut |_| Ok(())))
}

/// Says which file an error is about.
pub(super) fn in_file(path: &Path, err: PackError) -> CommandError {
    let path = path.to_owned();
    let source = Box::new(err);
    PackError::At { path, source }.into()
}
