//! `roar verify-member`.

use super::ls_tree::{described, line};
use crate::context::Context;
use crate::error::{CommandError, Fault, io_error};
use crate::trees::{self, Finder};
use crate::ui::{Ui, quote};
use roar_object::{Entry, Mode, ObjectId};
use roar_tree::{Found, Proof, ProofError};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prove that a path is in a dataset
///
/// Prints what the dataset has at the path, as `ls-tree` does. With FILE, its bytes must be those
/// too. Exit code 1 if the path is not in the dataset or FILE is something else.
///
/// `--proof` also writes the proof to a file, a few thousand bytes at any size of the dataset. Who
/// has it and knows the dataset's name can check it anywhere with `--check`: no workspace is needed,
/// and nothing is believed but the name. What is not in a dataset can be proved as well.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar verify-member data/train images/0001.png
  $ roar verify-member 8f41c2aa images/0001.png copy.png
  $ roar verify-member --proof 0001.proof data/train images/0001.png
  $ roar verify-member --check 0001.proof $DATASET images/0001.png copy.png")]
pub(crate) struct Args {
    /// The dataset: its hash or prefix, or a directory as it is now; all 64 digits with `--check`
    #[arg(value_name = "DATASET")]
    root: OsString,
    /// The path in it; with `--check` that of the proof if left out
    #[arg(value_name = "PATH", required_unless_present = "check")]
    path: Option<OsString>,
    /// A file or directory that should be what the dataset has there
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the proof to this file
    #[arg(long, value_name = "PROOF", conflicts_with = "check")]
    proof: Option<PathBuf>,
    /// Believe this proof and no store
    #[arg(long, value_name = "PROOF")]
    check: Option<PathBuf>,
    /// Print JSON: what is there, or that nothing is
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let (path, found) = match &args.check {
        Some(proof) => from_proof(&args, proof)?,
        None => from_store(ui, context, &args)?,
    };
    let Some(entry) = found else {
        if args.json {
            let path = crate::json::text(&path);
            ui.json(serde_json::json!({ "path": path, "member": false }))?;
            return Ok(ExitCode::from(Fault::Refused.code()));
        }
        let message = format!("'{}' is not in the dataset", quote(&path));
        return Err(CommandError::refused(message));
    };
    if let Some(file) = &args.file {
        compare(ui, context, &entry, file)?;
    }
    let found = Found { path, entry };
    if args.json {
        let mut value = described(&found);
        value["member"] = true.into();
        ui.json(value)?;
    } else {
        ui.data(line(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A path, and what is there.
type Answer = (Vec<u8>, Option<Entry>);

fn wanted(path: &OsString) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.strip_suffix(b"/").unwrap_or(bytes)
}

fn from_store(ui: &mut Ui, context: &Context, args: &Args) -> Result<Answer, CommandError> {
    let path = args.path.as_ref().map(wanted).unwrap_or_default();
    let mut finder = Finder::new(ui, context)?;
    let root = finder.tree(ui, &args.root)?;
    let (found, proof) = Proof::of(finder.finish(), root, path)?;
    if let Some(file) = &args.proof {
        fs::write(file, proof.to_bytes())
            .map_err(|err| io_error(format!("cannot write '{}'", file.display()), err))?;
    }
    Ok((path.to_vec(), found))
}

fn from_proof(args: &Args, file: &Path) -> Result<Answer, CommandError> {
    let root = args.root.to_str().and_then(|root| root.parse().ok());
    let root: ObjectId = root.ok_or_else(|| {
        let message = format!("'{}' is not the name of a dataset", args.root.display());
        CommandError::usage(message).hint("a proof is checked against all 64 digits")
    })?;
    let bytes = read(file)?;
    let proof = Proof::from_bytes(&bytes).map_err(|err| no_proof(file, err))?;
    let path = proof.path();
    if let Some(other) = args.path.as_ref().map(wanted)
        && other != path
    {
        let message = format!("'{}' is about '{}'", file.display(), quote(path));
        return Err(CommandError::refused(message));
    }
    let found = proof.check(root).map_err(|err| no_proof(file, err))?;
    Ok((path.to_vec(), found))
}

/// Reads a proof, or enough of it to see that it is none.
fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let most = Proof::MAX_LEN as u64 + 1;
    let done = File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut bytes));
    done.map_err(|err| io_error(format!("cannot read '{}'", file.display()), err))?;
    Ok(bytes)
}

fn no_proof(file: &Path, err: ProofError) -> CommandError {
    let fault = match err {
        ProofError::Root { .. } => Fault::Refused,
        _ => Fault::Damaged,
    };
    let what = format!("'{}' proves nothing", file.display());
    CommandError::new(fault, crate::error::Caused::new(what, err))
}

/// Requires that what is on the disk is what the dataset has.
fn compare(ui: &mut Ui, context: &Context, entry: &Entry, file: &Path) -> Result<(), CommandError> {
    let is_directory = entry.mode == Mode::Directory;
    let same = if is_directory && file.is_dir() {
        let path = context.directory().join(file);
        let scan = trees::scan(ui, context, &path, &mut ())?;
        entry.tree_id() == Some(scan.root.id)
    } else if entry.mode == Mode::Symlink && file.is_symlink() {
        let target = fs::read_link(file)
            .map_err(|err| io_error(format!("cannot read '{}'", file.display()), err))?;
        let name = roar_content::name_link(target.as_os_str().as_bytes());
        entry.content_id() == Some(name)
    } else {
        let named = roar_content::name_file(file).map_err(super::hash_object::cannot_name)?;
        entry.content_id() == Some(named.id)
    };
    if same {
        return Ok(());
    }
    let message = format!("'{}' is not what the dataset has there", file.display());
    Err(CommandError::refused(message))
}
