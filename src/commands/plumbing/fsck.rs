//! `roar fsck`.

use super::count_objects;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::json::text;
use crate::ui::{Ui, escape_text};
use roar_object::ObjectId;
use roar_repo::blobs::BlobFinding;
use roar_repo::{MendedBlob, TreeFinding, Workspace};
use roar_store::{Finding, Notice, Options, Report, Severity, Store};
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Check what is stored
///
/// One line per finding: `error`, `warning` or `info`, what is found, where, and a text. Exit code 6
/// if there is an error. Journal and packs are the truth, and all else can be made of them: `--rebuild`
/// does. It also takes what the journal has lost from the index, and what is whole of a damaged pack over to
/// a new one, tells what is lost, and keeps what was damaged in `.roar/aside`. Of kept files (`roar run
/// --keep`) that are not what they should be it keeps the bytes anew, if a recorded file still has them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar fsck
  $ roar fsck --full --json
  $ roar fsck --rebuild")]
pub(crate) struct Args {
    /// Read every object and check that it is what its name says, and that trees are as files make them
    #[arg(long)]
    full: bool,
    /// Make indexes and refs anew and mend damaged packs and kept files, then check
    #[arg(long)]
    rebuild: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let store = workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))?;
    let (notices, blobs) = match args.rebuild {
        true => (
            rebuild(ui, context, &workspace, store)?,
            mend_blobs(ui, context, &workspace)?,
        ),
        false => (Vec::new(), Vec::new()),
    };
    let mut report = roar_store::fsck(store, Options { full: args.full })?;
    let found = workspace.check_blobs(args.full)?;
    report.findings.extend(found.into_iter().map(of_blob));
    if args.full {
        let trees = workspace.check_trees()?;
        report.findings.extend(trees.into_iter().map(of_tree));
    }
    match args.json {
        true => ui.json(document(&report, &notices, &blobs))?,
        false => print(ui, &report, &args)?,
    }
    let damaged = report.worst() == Some(Severity::Error);
    Ok(ExitCode::from(if damaged {
        Fault::Damaged.code()
    } else {
        0
    }))
}

/// A tree that no set of files has: a second name for what has one.
fn of_tree(found: TreeFinding) -> Finding {
    let TreeFinding { node, root, text } = found;
    Finding {
        id: "tree-wrong",
        severity: Severity::Error,
        subject: node.to_string(),
        text: format!("this node {text}, in tree '{root}'"),
    }
}

/// What a kept file that is not what it should be is called.
const DAMAGED_BLOB: &str = "blob-damaged";

/// A kept file that is not what it should be. Nothing but its bytes is lost by it.
fn of_blob(found: BlobFinding) -> Finding {
    let (id, severity) = match found.is_damage {
        true => (DAMAGED_BLOB, Severity::Error),
        false => ("blob-strange", Severity::Info),
    };
    Finding {
        id,
        severity,
        subject: found.path.display().to_string(),
        text: found.text,
    }
}

fn rebuild(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    store: &Store,
) -> Result<Vec<Notice>, CommandError> {
    let config = workspace.config();
    let notices = context.waiting(ui, config, "roar fsck --rebuild", |wait| {
        roar_store::rebuild(store, wait)
    })??;
    for notice in &notices {
        ui.note(notice);
        for id in lost(notice) {
            ui.note(format_args!("lost: {id}"));
        }
    }
    Ok(notices)
}

/// Sees to kept files that are damaged, and says what became of them.
fn mend_blobs(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
) -> Result<Vec<MendedBlob>, CommandError> {
    let config = workspace.config();
    let mended = context.waiting(ui, config, "roar fsck --rebuild", |wait| {
        workspace.mend_blobs(wait)
    })??;
    for MendedBlob { id, aside, from } in &mended {
        let told = match from {
            Some(from) => format!("its bytes were kept anew from '{}'", from.display()),
            None => "no recorded file has its bytes".to_owned(),
        };
        ui.note(format_args!(
            "kept file '{id}' was damaged: {told}; it was moved to '{}'",
            aside.display()
        ));
    }
    Ok(mended)
}

/// Returns the objects that are told to be gone.
fn lost(notice: &Notice) -> &[ObjectId] {
    match notice {
        Notice::PackMended { lost, .. } | Notice::PackGone { lost, .. } => {
            lost.as_deref().unwrap_or_default()
        }
        _ => &[],
    }
}

fn document(report: &Report, notices: &[Notice], blobs: &[MendedBlob]) -> Value {
    let findings: Vec<Value> = report.findings.iter().map(as_json).collect();
    let mended: Vec<Value> = notices.iter().filter_map(mended).collect();
    let counts = count_objects::fields(&report.counts);
    let blobs: Vec<Value> = blobs.iter().map(mended_blob).collect();
    json!({ "findings": findings, "counts": counts, "mended": mended, "mended_blobs": blobs })
}

fn mended_blob(MendedBlob { id, aside, from }: &MendedBlob) -> Value {
    let text = |path: &Path| text(path.as_os_str().as_bytes());
    json!({ "hash": id.to_string(), "aside": text(aside), "from": from.as_deref().map(text) })
}

/// A pack that was damaged or gone.
fn mended(notice: &Notice) -> Option<Value> {
    let (pack, whole, aside, lost) = match notice {
        Notice::PackMended {
            pack,
            whole,
            lost,
            aside,
            ..
        } => (pack, *whole, Some(aside.display().to_string()), lost),
        Notice::PackGone { pack, lost } => (pack, 0, None, lost),
        _ => return None,
    };
    let names = |lost: &Vec<ObjectId>| lost.iter().map(ToString::to_string).collect::<Vec<_>>();
    let lost = lost.as_ref().map(names);
    Some(json!({ "pack": pack, "whole": whole, "lost": lost, "aside": aside }))
}

fn print(ui: &mut Ui, report: &Report, args: &Args) -> Result<(), CommandError> {
    for Finding {
        id,
        severity,
        subject,
        text,
    } in &report.findings
    {
        let (subject, text) = (escape_text(subject), escape_text(text));
        ui.data(format_args!("{} {id} {subject}: {text}", severity.name()))?;
    }
    if report.findings.iter().any(|found| found.id == DAMAGED_BLOB) {
        ui.hint(
            "`roar fsck --rebuild` keeps the bytes anew if a recorded file has them, and moves damaged ones away",
        );
    }
    if report.worst().is_none() {
        let unread = match (args.full, args.rebuild) {
            (true, _) => "",
            (false, true) => "; what objects hold was not read: `--full` does that",
            (false, false) => "; what objects and kept files hold was not read: `--full` does that",
        };
        ui.note(format_args!(
            "{} objects, nothing wrong{unread}",
            report.counts.total()
        ));
    }
    Ok(())
}

fn as_json(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.name(),
        "id": finding.id,
        "subject": finding.subject,
        "text": finding.text,
    })
}
