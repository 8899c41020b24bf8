//! `roar gc`.

use crate::collector;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ui::Ui;
use roar_object::{Kind, ObjectId};
use roar_repo::blobs::Blob;
use roar_repo::{PruneError, Workspace};
use roar_store::{GcError, GcOptions, GcReport, Store, gc, gc_naming, plan_gc, wants_gc};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// Tidy up what is stored
///
/// Moves what was recorded into packs, makes few packs of many, and lets go of what nothing leads to
/// any more: neither history nor any ref, now or in the last 90 days. What is younger than two weeks
/// stays in any case, and everything stays while a run goes on or something is damaged. Nothing that
/// `roar log` shows ever goes.
///
/// There is rarely a need for this: what is worth moving is moved in the background after a run, unless
/// `gc.auto` is false.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar gc
  $ roar gc --dry-run
  $ roar gc --prune=now")]
pub(crate) struct Args {
    /// Only tell what would be done, and name the objects that would go
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Let go of what is older: 3d, 12h, 2w; `now` for everything, `never` for nothing
    #[arg(long, value_name = "AGE", default_value = "2w", value_parser = age)]
    prune: Age,
    /// Do it only if it is worth while, and say nothing
    #[arg(long, conflicts_with = "dry_run")]
    auto: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How old what nothing leads to must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Never,
    Of(Duration),
}

fn age(text: &str) -> Result<Age, String> {
    match text {
        "never" => return Ok(Age::Never),
        "now" => return Ok(Age::Of(Duration::ZERO)),
        _ => {}
    }
    let units = [
        ('s', 1),
        ('m', 60),
        ('h', 3600),
        ('d', 86_400),
        ('w', 604_800),
    ];
    let found = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Age::Of(Duration::from_secs(number.checked_mul(seconds)?)))
    });
    found.ok_or_else(|| "write a number and s, m, h, d or w, or `now`, or `never`".to_owned())
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    if args.auto {
        return automatic(ui, context);
    }
    let workspace = context.workspace(ui)?;
    let store = store_of(&workspace)?;
    let options = options(args.prune);
    let mut named = Vec::new();
    let report = if args.dry_run {
        plan(ui, store, &options, args.json.then_some(&mut named))?
    } else {
        let config = workspace.config();
        let mut gone = |id, kind| named.extend(args.json.then_some((id, kind)));
        context.waiting(ui, config, "roar gc", |wait| {
            gc_naming(store, &options, wait, &mut gone)
        })??
    };
    let blobs = match &report.kept {
        // What names the bytes may be what cannot be read.
        Some(_) => Vec::new(),
        None => unused_blobs(ui, context, &workspace, &args)?,
    };
    if !args.dry_run {
        workspace.remove_leftovers()?;
    }
    if args.json {
        ui.json(as_json(&report, &named, &blobs, args.dry_run))?;
    } else {
        tell(ui, &report, &blobs, args.dry_run)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks what would be done. What would go is named at once, for there may be much of it, or put into a
/// list if there is one.
fn plan(
    ui: &mut Ui,
    store: &Store,
    options: &GcOptions,
    mut named: Option<&mut Vec<(ObjectId, Kind)>>,
) -> Result<GcReport, CommandError> {
    let mut told = Ok(());
    let report = plan_gc(store, options, &mut |id, kind| match &mut named {
        Some(named) => named.push((id, kind)),
        None if told.is_ok() => told = ui.data(format_args!("{id} {}", kind.name())),
        None => {}
    })?;
    told.map(|()| report)
}

/// Lets go of kept bytes that nothing names any more.
fn unused_blobs(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    args: &Args,
) -> Result<Vec<Blob>, CommandError> {
    let Age::Of(grace) = args.prune else {
        return Ok(Vec::new());
    };
    if args.dry_run {
        return Ok(workspace.unused_blobs(grace)?);
    }
    Ok(context.waiting(ui, workspace.config(), "roar gc", |wait| {
        workspace.prune_blobs(grace, wait)
    })??)
}

fn store_of(workspace: &Workspace) -> Result<&Store, CommandError> {
    workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))
}

fn options(prune: Age) -> GcOptions {
    let asked = GcOptions::asked();
    match prune {
        Age::Never => GcOptions {
            prune: false,
            ..asked
        },
        Age::Of(grace) => GcOptions { grace, ..asked },
    }
}

/// Does what is worth doing. That somebody else is at it, or that the lock is not free, is no trouble: it
/// will be worth while after the next run too.
fn automatic(ui: &Ui, context: &Context) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let store = store_of(&workspace)?;
    if !wants_gc(store)? {
        return Ok(ExitCode::SUCCESS);
    }
    let config = workspace.config();
    let done = context.waiting(ui, config, collector::NAME, |wait| {
        gc(store, &GcOptions::automatic(), wait)
    })?;
    match done {
        Ok(_) | Err(GcError::Busy { .. } | GcError::Lock(_)) => Ok(ExitCode::SUCCESS),
        Err(err) => Err(err.into()),
    }
}

impl From<GcError> for CommandError {
    fn from(err: GcError) -> Self {
        match err {
            GcError::Lock(err) => err.into(),
            GcError::Io(err) => err.into(),
            GcError::Read(err) => err.into(),
            GcError::Damaged { .. } => Self::new(Fault::Damaged, err)
                .hint("`roar fsck` tells what is damaged; `roar fsck --rebuild` mends what can be"),
            GcError::Busy { .. } => {
                Self::refused(err).hint("wait for it, or wait longer: `--config lock.timeout=60`")
            }
            other => Self::new(Fault::Damaged, other).hint("`roar fsck` tells what is wrong"),
        }
    }
}

impl From<PruneError> for CommandError {
    fn from(err: PruneError) -> Self {
        match err {
            PruneError::Blob(err) => err.into(),
            PruneError::Repo(err) => err.into(),
            PruneError::Lock(err) => err.into(),
            other => Self::refused(other),
        }
    }
}

fn tell(ui: &mut Ui, report: &GcReport, blobs: &[Blob], is_plan: bool) -> Result<(), CommandError> {
    if is_plan {
        for blob in blobs {
            ui.data(format_args!("{} bytes", blob.id))?;
        }
    }
    for line in lines(report, blobs, is_plan) {
        ui.note(line);
    }
    if let Some(segment) = report.damaged_segment {
        ui.warn(format_args!(
            "segment {segment} of the journal is damaged; it stays, and so does all after it"
        ));
        ui.hint("`roar fsck` tells what is damaged");
    }
    for pack in &report.reindexed {
        ui.warn(format_args!(
            "the index of pack '{pack}' was damaged and was made anew"
        ));
    }
    if let Some(why) = &report.kept {
        ui.note(format_args!("what nothing leads to stays: {why}"));
    }
    Ok(())
}

fn lines(report: &GcReport, blobs: &[Blob], is_plan: bool) -> Vec<String> {
    let would = if is_plan { "would be " } else { "" };
    let mut lines = Vec::new();
    if report.commits > 0 {
        let (operations, objects) = (report.commits, report.objects);
        lines.push(format!(
            "{} with {} {would}moved to a pack",
            counted(operations, "operation"),
            counted(objects, "object")
        ));
    }
    if report.merged.len() > 1 {
        lines.push(format!("{} packs {would}merged", report.merged.len()));
    }
    if report.pruned > 0 {
        let objects = counted(report.pruned, "object");
        let bytes = roar_view::size(report.pruned_bytes);
        lines.push(format!(
            "{objects} ({bytes}) that nothing leads to {would}removed"
        ));
    }
    if !blobs.is_empty() {
        let files = counted(blobs.len() as u64, "kept file");
        let bytes = roar_view::size(blobs.iter().map(|blob| blob.bytes).sum());
        lines.push(format!(
            "{files} ({bytes}) that nothing names {would}removed"
        ));
    }
    if lines.is_empty() {
        lines.push("nothing to tidy up".to_owned());
    }
    lines
}

fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

fn as_json(report: &GcReport, named: &[(ObjectId, Kind)], blobs: &[Blob], is_plan: bool) -> Value {
    let pruned = named
        .iter()
        .map(|(id, kind)| json!({ "id": id.to_string(), "kind": kind.name() }));
    json!({
        "dry_run": is_plan,
        "commits": report.commits,
        "objects": report.objects,
        "journal_bytes": report.journal_bytes,
        "damaged_segment": report.damaged_segment,
        "reindexed": report.reindexed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "merged": report.merged.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "packs": report.packs,
        "pruned": pruned.collect::<Vec<_>>(),
        "pruned_bytes": report.pruned_bytes,
        "blobs": blobs.iter().map(|blob| blob.id.to_string()).collect::<Vec<_>>(),
        "blob_bytes": blobs.iter().map(|blob| blob.bytes).sum::<u64>(),
        "kept": report.kept.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_numbers_with_a_unit() {
        assert_eq!(age("2w"), Ok(Age::Of(Duration::from_secs(14 * 86_400))));
        assert_eq!(age("90s"), Ok(Age::Of(Duration::from_secs(90))));
        assert_eq!(age("now"), Ok(Age::Of(Duration::ZERO)));
        assert_eq!(age("never"), Ok(Age::Never));
        for wrong in [
            "",
            "w",
            "2",
            "-1d",
            "1.5h",
            "2 w",
            "99999999999999999999w",
            "yesterday",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
