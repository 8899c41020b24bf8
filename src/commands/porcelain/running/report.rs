//! What is said about a run: three lines at most, more only when asked for.

use super::Opened;
use crate::error::{CommandError, with_causes};
use crate::strays;
use crate::ui::{Ui, Verbosity, escape};
use roar_object::{ByteStr, Change, Class, DatasetAt, RecordedPath, Role, Verdict};
use roar_record::{Plan, Recorded, Report, Touched};
use roar_repo::{Opening, Workspace};
use roar_store::Notice;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// Most files that are named in a message.
const NAMED: usize = 4;

fn tell_opening(ui: &Ui, opened: &Opened) {
    let dot = opened.workspace.dot();
    let dot = dot.display();
    match opened.opening {
        Opening::Found => {}
        Opening::Made => ui.note(format_args!(
            "roar: made {dot}, where runs in this project are recorded"
        )),
        Opening::Refilled => ui.warn(format_args!(
            "roar: {dot} held no store, so a new history begins; was it emptied?"
        )),
    }
}

/// Says what came of a run.
pub(super) fn tell(ui: &Ui, opened: &Opened, plan: &Plan, report: &Report) {
    let heard = !report.stderr_is_output;
    if heard {
        tell_opening(ui, opened);
    }
    if heard && ui.verbosity() >= Verbosity::Verbose {
        list_files(ui, report);
    }
    if let Some(slips) = strays::slips(opened.workspace.config()).filter(|_| heard) {
        ui.warn(format_args!("roar: {slips}"));
    }
    if let Some(line) = coverage(plan, report) {
        ui.warn(format_args!("roar: {line}"));
    }
    not_kept(ui, report);
    match &report.recorded {
        Recorded::Stored { step } if heard => {
            ui.note(format_args!(
                "roar: {step} {} · {}",
                report.job.short(),
                summary(plan, report)
            ));
        }
        Recorded::Stored { .. } => {}
        Recorded::Left { path, why } => ui.warn(format_args!(
            "roar: kept in '{}', to be taken in by the next roar command here ({})",
            path.display(),
            reason(opened, why)
        )),
        Recorded::Lost { why } => {
            ui.warn(format_args!(
                "roar: this run is NOT recorded: {}",
                reason(opened, why)
            ));
        }
    }
    for notice in report.notices.iter().filter(|notice| matters(ui, notice)) {
        ui.warn(format_args!("roar: {notice}"));
    }
}

/// Returns whether a notice is worth a line: that another process was using the index is not.
fn matters(ui: &Ui, notice: &Notice) -> bool {
    !matches!(notice, Notice::IndexUnused { .. }) || ui.verbosity() >= Verbosity::Verbose
}

/// Why there was no store is worth more than that there was none.
fn reason(opened: &Opened, why: &str) -> String {
    opened
        .trouble
        .as_ref()
        .map_or_else(|| why.to_owned(), |trouble| with_causes(trouble))
}

/// Says what was not seen, in one line.
fn coverage(plan: &Plan, report: &Report) -> Option<String> {
    let coverage = &report.coverage;
    let mut reasons = coverage
        .reasons
        .iter()
        .take(2)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if let Some(more) = coverage
        .reasons
        .len()
        .checked_sub(2)
        .filter(|&more| more > 0)
    {
        reasons = format!("{reasons}; and {more} more");
    }
    match (plan.unwatched(), coverage.verdict) {
        (Some(why), _) => Some(format!("NOTHING of this run was seen: {why}")),
        (None, Verdict::Blind) => Some(format!("NOTHING of this run was seen: {reasons}")),
        (None, Verdict::Partial) => Some(format!("not everything was seen: {reasons}")),
        (None, Verdict::Complete | Verdict::Declared) => None,
    }
}

fn summary(plan: &Plan, report: &Report) -> String {
    let mut parts = Vec::new();
    if report.interrupted {
        parts.push("interrupted".to_owned());
    }
    parts.push(format!("read {}", read(report)));
    parts.push(format!("wrote {}", wrote(report)));
    if let Some(files) = plan.dirty() {
        parts.push(format!(
            "git: {} uncommitted, kept",
            counted(files as u64, "change")
        ));
    }
    if report.scrubbed > 0 {
        parts.push(format!(
            "{} taken out",
            counted(report.scrubbed as u64, "secret")
        ));
    }
    parts.extend(kept(report));
    parts.join(" · ")
}

fn kept(report: &Report) -> Option<String> {
    let kept = report.kept.as_ref().filter(|kept| kept.files > 0)?;
    let files = counted(kept.files as u64, "file");
    Some(match kept.bytes {
        0 => format!("{files} kept before"),
        bytes => format!("{files} kept, {} new", roar_view::size(bytes)),
    })
}

/// Says what was not kept and should have been.
fn not_kept(ui: &Ui, report: &Report) {
    let Some(kept) = &report.kept else { return };
    if let Some((path, why)) = kept.failed.first() {
        let more = match kept.failed.len() - 1 {
            0 => String::new(),
            more => format!("; nor could {}", counted(more as u64, "more file")),
        };
        ui.warn(format_args!(
            "roar: '{}' could not be kept: {why}{more}",
            shown(path)
        ));
    }
    if kept.no_room > 0 {
        ui.warn(format_args!(
            "roar: {} not kept: there is no room below keep.total",
            counted(kept.no_room as u64, "file")
        ));
    }
    if kept.too_large > 0 && ui.verbosity() >= Verbosity::Verbose {
        let files = counted(kept.too_large as u64, "file");
        ui.note(format_args!("  {files} larger than what is kept"));
    }
}

fn read(report: &Report) -> String {
    let of = |class: Class| {
        report
            .reads
            .iter()
            .filter(|file| file.class == class)
            .count() as u64
    };
    let data = counted(of(Class::Data), "file") + &in_datasets(report, Role::Read);
    match of(Class::Code) {
        0 => data,
        code => format!("{data} and {code} of code"),
    }
}

fn wrote(report: &Report) -> String {
    let products = || report.writes.iter().filter(|file| is_product(file));
    let deleted = products()
        .filter(|file| file.change == Some(Change::Deleted))
        .count() as u64;
    let written =
        counted(products().count() as u64 - deleted, "file") + &in_datasets(report, Role::Written);
    let of_packages = report
        .writes
        .iter()
        .filter(|file| is_installed(file))
        .count();
    let written = match of_packages {
        0 => written,
        files => format!("{written} and {files} of packages"),
    };
    match deleted {
        0 => written,
        deleted => format!("{written}, deleted {deleted}"),
    }
}

fn is_installed(file: &Touched) -> bool {
    file.class == Class::Package && file.change != Some(Change::Deleted)
}

fn in_datasets(report: &Report, role: Role) -> String {
    let datasets: Vec<&DatasetAt> = report
        .datasets
        .iter()
        .filter(|set| set.role == role)
        .collect();
    match datasets.as_slice() {
        [] => String::new(),
        [one] => format!(" ({} in {}/)", one.files, escape(&one.path.shown())),
        several => format!(
            " ({} in {} datasets)",
            several.iter().map(|set| set.files).sum::<u64>(),
            several.len()
        ),
    }
}

fn is_product(file: &Touched) -> bool {
    matches!(file.class, Class::Data | Class::Code)
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Lists every file of data and code, and counts the others.
fn list_files(ui: &Ui, report: &Report) {
    for file in report.reads.iter().filter(|file| is_product(file)) {
        ui.note(format_args!("  read      {}", shown(&file.path)));
    }
    for file in report.writes.iter().filter(|file| is_product(file)) {
        let change = file.change.map_or("wrote", roar_view::change);
        ui.note(format_args!("  {change:<9} {}", shown(&file.path)));
    }
    for class in [Class::Package, Class::System] {
        let of = |files: &[Touched]| files.iter().filter(|file| file.class == class).count();
        let (reads, writes) = (of(&report.reads), of(&report.writes));
        if reads + writes > 0 {
            ui.note(format_args!(
                "  {}: {reads} read, {writes} written",
                class.name()
            ));
        }
    }
    for reason in &report.coverage.reasons {
        ui.note(format_args!("  not seen: {reason}"));
    }
}

fn shown(path: &RecordedPath) -> String {
    escape(&path.shown())
}

/// Shows what would be run.
pub(super) fn plan(ui: &mut Ui, workspace: &Workspace, plan: &Plan) -> Result<(), CommandError> {
    ui.data(format_args!("command:   {}", command_line(plan.argv())))?;
    ui.data(format_args!("program:   {}", plan.program().display()))?;
    ui.data(format_args!("directory: {}", plan.directory().display()))?;
    ui.data(format_args!("workspace: {}", workspace.root().display()))?;
    ui.data(format_args!("tracer:    {}", plan.backend_name()))?;
    if let Some(files) = plan.dirty() {
        ui.data(format_args!(
            "git:       {} not committed",
            counted(files as u64, "change")
        ))?;
    }
    Ok(())
}

/// Returns a command as it could be typed.
pub(super) fn command_line(argv: &[OsString]) -> String {
    let words: Vec<ByteStr> = argv
        .iter()
        .map(|word| word.as_bytes().to_vec().into())
        .collect();
    roar_view::command(&words)
}

/// Names a few files.
pub(super) fn some_files(files: &[Vec<u8>]) -> String {
    let mut names: Vec<String> = files.iter().take(NAMED).map(|name| escape(name)).collect();
    if files.len() > NAMED {
        names.push(format!("and {} more", files.len() - NAMED));
    }
    names.join(", ")
}
