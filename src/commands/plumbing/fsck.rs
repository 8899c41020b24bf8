//! `roar fsck`.

use super::count_objects;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ui::{Ui, escape_text};
use roar_repo::Workspace;
use roar_repo::blobs::BlobFinding;
use roar_store::{Finding, Options, Report, Severity, Store};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Check what is stored
///
/// One line per finding: `error`, `warning` or `info`, what is found, where, and a text. Exit code 6
/// if there is an error. The journal is the truth, and all else can be made of it: `--rebuild` does.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar fsck
  $ roar fsck --full --json
  $ roar fsck --rebuild")]
pub(crate) struct Args {
    /// Read every object and check that it is what its name says
    #[arg(long)]
    full: bool,
    /// Make indexes and refs anew from the journal, then check
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
    if args.rebuild {
        rebuild(ui, context, &workspace, store)?;
    }
    let mut report = roar_store::fsck(store, Options { full: args.full })?;
    let blobs = workspace.check_blobs(args.full)?;
    report.findings.extend(blobs.into_iter().map(of_blob));
    print(ui, args.json, &report)?;
    let damaged = report.worst() == Some(Severity::Error);
    Ok(ExitCode::from(if damaged {
        Fault::Damaged.code()
    } else {
        0
    }))
}

/// A kept file that is not what it should be. Nothing but its bytes is lost by it.
fn of_blob(found: BlobFinding) -> Finding {
    let (id, severity) = match found.is_damage {
        true => ("blob-damaged", Severity::Error),
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
) -> Result<(), CommandError> {
    let config = workspace.config();
    let notices = context.waiting(ui, config, "roar fsck --rebuild", |wait| {
        roar_store::rebuild(store, wait)
    })??;
    for notice in notices {
        ui.note(notice);
    }
    Ok(())
}

fn print(ui: &mut Ui, json: bool, report: &Report) -> Result<(), CommandError> {
    if json {
        let findings: Vec<Value> = report.findings.iter().map(as_json).collect();
        let counts = count_objects::fields(&report.counts);
        return ui.json(json!({ "findings": findings, "counts": counts }));
    }
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
    if report.worst().is_none() {
        ui.note(format_args!(
            "{} objects, nothing wrong",
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
