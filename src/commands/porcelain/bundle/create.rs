//! `roar bundle create`.

use super::{Create, secrets};
use crate::asked::{self, Subject};
use crate::context::{Context, cache_in};
use crate::error::{CommandError, Fault, fault_below};
use crate::json;
use crate::ui::{Ui, escape};
use roar_object::ContentId;
use roar_repo::blobs::Blobs;
use roar_repo::bundle::{self, BundleFailed, GitError, Goal, Made, Parts};
use roar_repo::disk::Disk;
use roar_repo::restore::Finder;
use roar_repo::{Snapshot, Target};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) fn run(ui: &mut Ui, context: &Context, args: &Create) -> Result<(), CommandError> {
    let first = args.words.first().map_or(OsStr::new(""), |word| word);
    let snapshot = context.snapshot_for(ui, first)?;
    let goals: Result<Vec<_>, _> = args
        .words
        .iter()
        .map(|word| goal(context, &snapshot, word))
        .collect();
    let parts = bundle::gather(&snapshot, &goals?, asked::now_ns())?;
    let states = match args.code {
        true => bundle::states(&snapshot, &parts.jobs)?,
        false => BTreeSet::new(),
    };
    if args.dry_run {
        return plan(ui, &snapshot, args, &parts, &states);
    }
    if !args.force {
        secrets::refuse(&snapshot, &parts.jobs)?;
    }
    let path = context.directory().join(&args.file);
    if path.symlink_metadata().is_ok() && !args.force {
        let text = format!("'{}' is there already", args.file.display());
        return Err(CommandError::refused(text).hint("`--force` replaces it"));
    }
    let code = packed_code(ui, &snapshot, &states, &path)?;
    let made = made(&snapshot, args, &parts, code.as_deref(), &path);
    if let Some(code) = code {
        // It is in the bundle, or nobody needs it.
        let _ = std::fs::remove_file(code);
    }
    told(ui, args, &parts, &made?)
}

/// Finds what a word is about.
fn goal(context: &Context, snapshot: &Snapshot, word: &OsStr) -> Result<Goal, CommandError> {
    let target = context.resolve(snapshot, word)?;
    if let Target::Object { id, .. } = target {
        return Ok(Goal::Object(id));
    }
    let history = snapshot.history()?;
    Ok(match asked::subject(context, snapshot, word)? {
        Subject::Job(record) => Goal::Job(record),
        Subject::Written(at) => {
            let file = &history.records()[at.record].writes[at.output];
            file.id.map_or(Goal::Job(at.record), |id| Goal::File {
                record: at.record,
                id,
                path: file.path.clone(),
            })
        }
        Subject::Root(record, read) => {
            let file = &history.records()[record].reads[read];
            file.id.map_or(Goal::Job(record), |id| Goal::File {
                record,
                id,
                path: file.path.clone(),
            })
        }
    })
}

fn made(
    snapshot: &Snapshot,
    args: &Create,
    parts: &Parts,
    code: Option<&Path>,
    path: &Path,
) -> Result<Made, CommandError> {
    let cache = cache_in(snapshot.root());
    let blobs = Blobs::within(&snapshot.root().join(".roar"));
    let history = snapshot.history()?;
    let finder = Finder::new(&blobs, Disk::new(snapshot.root(), &cache), &history);
    let finder = args.with_bytes.then_some(&finder);
    Ok(bundle::write(snapshot, parts, finder, code, path)?)
}

/// Has git pack up the code beside the bundle.
fn packed_code(
    ui: &Ui,
    snapshot: &Snapshot,
    states: &BTreeSet<String>,
    path: &Path,
) -> Result<Option<PathBuf>, CommandError> {
    if states.is_empty() {
        return Ok(None);
    }
    let code = path.with_extension(format!("{}.code", std::process::id()));
    let gone = snapshot.pack_code(states, &code)?;
    for name in &gone {
        ui.warn(format_args!(
            "the repository no longer has '{name}', which a job ran from"
        ));
    }
    Ok(code.exists().then_some(code))
}

fn plan(
    ui: &mut Ui,
    snapshot: &Snapshot,
    args: &Create,
    parts: &Parts,
    states: &BTreeSet<String>,
) -> Result<(), CommandError> {
    let suspects = secrets::find(snapshot, &parts.jobs)?;
    let records = snapshot.records()?;
    if args.json {
        let jobs = parts.jobs.iter().map(|&at| {
            let record = &records[at];
            let words: Vec<Value> = record.argv.iter().map(|word| json::text(word)).collect();
            json!({ "step": record.step.to_string(), "id": record.job.to_string(), "argv": words })
        });
        return ui.json(json!({
            "jobs": jobs.collect::<Vec<_>>(),
            "objects": parts.objects(),
            "artifacts": parts.artifacts.len(),
            "artifact_bytes": parts.artifacts.values().sum::<u64>(),
            "code": states,
            "suspects": suspects,
        }));
    }
    for &at in &parts.jobs {
        let record = &records[at];
        ui.data(format_args!(
            "{} {}",
            record.step,
            roar_view::command(&record.argv)
        ))?;
    }
    ui.data(format_args!(
        "{}: commands, names of files and variables, recorded values, packages, the machine",
        roar_view::count(parts.objects() as u64, "object")
    ))?;
    if args.with_bytes {
        ui.data(format_args!(
            "bytes of up to {}, {}",
            roar_view::count(parts.artifacts.len() as u64, "file"),
            roar_view::size(parts.artifacts.values().sum())
        ))?;
    }
    for state in states {
        ui.data(format_args!("code {state}, with its history"))?;
    }
    for suspect in suspects {
        ui.warn(suspect);
    }
    Ok(())
}

fn told(ui: &mut Ui, args: &Create, parts: &Parts, made: &Made) -> Result<(), CommandError> {
    if args.json {
        return ui.json(json!({
            "name": made.name.to_string(),
            "bytes": made.bytes,
            "session": parts.session().map(|id| id.to_string()),
            "jobs": parts.jobs.len(),
            "objects": parts.objects(),
            "files": made.files,
            "missing": made.missing.iter().map(ContentId::to_string).collect::<Vec<_>>(),
        }));
    }
    let file = escape(args.file.as_os_str().as_encoded_bytes());
    ui.note(format_args!(
        "'{file}': {}, {}, {}",
        roar_view::count(parts.jobs.len() as u64, "job"),
        roar_view::count(parts.objects() as u64, "object"),
        roar_view::size(made.bytes)
    ));
    if args.with_bytes {
        let missing = match made.missing.len() {
            0 => String::new(),
            missing => format!("; the bytes of {missing} more are not to be had"),
        };
        let files = roar_view::count(made.files as u64, "file");
        ui.note(format_args!("with the bytes of {files}{missing}"));
    }
    Ok(())
}

impl From<BundleFailed> for CommandError {
    fn from(err: BundleFailed) -> Self {
        match err {
            BundleFailed::Repo(err) => err.into(),
            BundleFailed::Blob(err) => err.into(),
            other => Self::new(fault_below(&other), other),
        }
    }
}

impl From<GitError> for CommandError {
    fn from(err: GitError) -> Self {
        Self::new(Fault::Refused, err).hint("without `--code` git is not asked")
    }
}
