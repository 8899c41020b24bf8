//! `roar verify-pack`.

use super::index_pack::{index_of, read_pack};
use crate::context::Context;
use crate::error::{CommandError, Fault, with_causes};
use crate::ui::{Ui, Verbosity, escape_text, quote};
use roar_pack::{Contents, PackError, PackFile};
use serde_json::json;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check packs and their indexes
///
/// Every byte is read, and every object hashed, decoded and encoded again. One line per pack: `ok`, what
/// it is called, the number of objects, its size, a tab, the file; or a line for each thing that is wrong:
/// `damaged`, what it is, a tab, the file. With `-v`, a line per object in front: name, kind, size, number
/// of the block. Exit code 6 if anything is wrong. Needs no workspace.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar verify-pack history.rpk
  $ roar verify-pack -v history.rpk
  $ roar verify-pack --json .roar/packs/*.rpk")]
pub(crate) struct Args {
    /// The pack; its index is checked too if it is there (can be repeated)
    #[arg(value_name = "FILE", required = true)]
    packs: Vec<PathBuf>,
    /// Print one JSON object a line: path, name, objects, bytes, raw, indexed, damage
    #[arg(long)]
    json: bool,
}

/// What was found about one pack.
struct Checked {
    contents: Option<Contents>,
    /// Whether there is an index.
    indexed: bool,
    damage: Vec<PackError>,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut is_damaged = false;
    for path in &args.packs {
        let checked = check(path)?;
        is_damaged |= !checked.damage.is_empty();
        match args.json {
            true => ui.json_line(&as_json(path, &checked))?,
            false => print(ui, path, &checked)?,
        }
    }
    Ok(ExitCode::from(match is_damaged {
        true => Fault::Damaged.code(),
        false => 0,
    }))
}

fn check(path: &Path) -> Result<Checked, CommandError> {
    let index = index_of(path);
    let mut checked = Checked {
        contents: None,
        indexed: index.exists(),
        damage: Vec::new(),
    };
    match read_pack(path)? {
        Ok(contents) => checked.contents = Some(contents),
        Err(err @ PackError::Read(_)) => return Err(super::index_pack::in_file(path, err)),
        Err(err) => checked.damage.push(err),
    }
    if checked.indexed {
        check_index(path, &index, &mut checked)?;
    }
    Ok(checked)
}

/// Checks the index; where the pack is damaged, it knows which objects are.
fn check_index(path: &Path, index: &Path, checked: &mut Checked) -> Result<(), CommandError> {
    match (PackFile::open(path, index), &checked.contents) {
        (Err(err), _) => checked.damage.push(err),
        (Ok(pack), Some(contents)) => {
            if !pack.has_index_of(contents) {
                let why = "it has other bytes than an index of this pack has";
                checked.damage.push(PackError::Unfit { why });
            }
        }
        // The first is what was found already.
        (Ok(pack), None) => checked
            .damage
            .extend(pack.verify()?.damage.into_iter().skip(1)),
    }
    Ok(())
}

fn print(ui: &mut Ui, path: &Path, checked: &Checked) -> Result<(), CommandError> {
    let shown = quote(path.as_os_str().as_bytes());
    if let Some(contents) = &checked.contents {
        if ui.verbosity() == Verbosity::Verbose {
            print_objects(ui, contents)?;
        }
        if checked.damage.is_empty() {
            let (name, objects, bytes) = (contents.name(), contents.objects(), contents.bytes());
            return ui.data(format_args!("ok {name} {objects} {bytes}\t{shown}"));
        }
    }
    for damage in &checked.damage {
        let what = with_causes(damage.bare());
        ui.data(format_args!("damaged {}\t{shown}", escape_text(&what)))?;
    }
    Ok(())
}

fn print_objects(ui: &mut Ui, contents: &Contents) -> Result<(), CommandError> {
    let mut entries = contents.entries().to_vec();
    entries.sort_unstable_by_key(|entry| entry.place);
    for entry in entries {
        let (id, place) = (entry.id, entry.place);
        let (kind, len, block) = (place.kind().name(), place.len(), place.block());
        ui.data(format_args!("{id} {kind} {len} {block}"))?;
    }
    Ok(())
}

fn as_json(path: &Path, checked: &Checked) -> serde_json::Value {
    let contents = checked.contents.as_ref();
    let damage: Vec<_> = checked
        .damage
        .iter()
        .map(|damage| with_causes(damage.bare()))
        .collect();
    json!({
        "path": crate::json::text(path.as_os_str().as_bytes()),
        "name": contents.map(|it| it.name().to_string()),
        "objects": contents.map(Contents::objects),
        "bytes": contents.map(Contents::bytes),
        "raw": contents.map(Contents::raw),
        "indexed": checked.indexed,
        "damage": damage,
    })
}
