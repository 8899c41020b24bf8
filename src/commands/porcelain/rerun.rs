//! `roar rerun`.

mod say;

use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault, io_error};
use crate::ui::{Ui, Verbosity};
use nix::sys::signal::{Signal, raise};
use roar_graph::{Projection, Record};
use roar_launch::Uninterrupted;
use roar_object::StepName;
use roar_repo::disk::Disk;
use roar_repo::filters::Filters;
use roar_repo::rerun::{self, Forecast, Rerun};
use roar_repo::unmade::Unmade;
use roar_repo::{Snapshot, Workspace};
use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// Run again what is stale or missing, in order
///
/// A step is run again if something that it reads is not what it read, or if something that it made
/// is gone; all others are left alone, and so is a step whose inputs were made again with the same
/// bytes. Files that its last run left as an earlier one had made them count with what that one read for
/// them. It runs in its own directory, with its own arguments, reads and writes the files that its
/// standard input and output were, and is recorded like any run. The first that fails ends it all.
///
/// Of several steps that are the very same command and write the same files the latest is run. A file
/// that a step made and you changed since is not overwritten, unless with `--force`. A step that makes
/// nothing when it is run again, as `make` does if it thinks that all is up to date, or that leaves files
/// whose inputs have changed, stays what it was, and that is said.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar rerun --dry-run
  $ roar rerun
  $ roar rerun @3 report.html

Exit codes:
  0 if nothing was left to do, and that of the command that failed if one did
  1 if a step cannot be run again: what it read is gone, what it made was changed by hand")]
pub(crate) struct Args {
    /// Only what these steps, files or datasets need; everything if none is given
    #[arg(value_name = "STEP")]
    targets: Vec<OsString>,
    /// Show what would be run and why, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Overwrite what steps made and somebody changed since
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let snapshot = snapshot_of(ui, &workspace)?;
    let projection = snapshot.projection()?;
    let targets = targets(context, &snapshot, &projection, &args.targets)?;
    let cache = rerun::cache_of(&workspace)?;
    let filters = Filters::load(workspace.config())?.in_project(workspace.root());
    let disk = Disk::new(workspace.root(), &cache);
    let unmade = Unmade::load(&workspace.dot());
    let rerun = Rerun::new(&projection, targets.as_deref(), disk, &filters, &unmade);
    let forecast = rerun.forecast();
    if args.dry_run {
        say::plan(ui, &rerun, &forecast, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (turn, forecast) in forecast.iter().enumerate() {
        if matches!(forecast, Forecast::Runs(_)) {
            refuse_edited(&rerun, turn, args.force)?;
        }
    }
    carry_out(ui, context, &workspace, &rerun, args.force)
}

/// How often the steps are gone through: one that came before the maker of what it reads is run the next time.
const PASSES: usize = 4;

/// Goes through the turns until there is nothing left to do, but runs no step that did not change what it was
/// run for again and again.
fn carry_out(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    rerun: &Rerun<'_, '_>,
    force: bool,
) -> Result<ExitCode, CommandError> {
    let mut done = Done::default();
    let pass = Pass {
        ui,
        context,
        workspace,
        force,
    };
    let mut outcome = pass.go(rerun, &mut done)?;
    for _ in 1..PASSES {
        if outcome.failed.is_some() || outcome.runs == 0 {
            break;
        }
        let snapshot = snapshot_of(ui, workspace)?;
        let now = snapshot.projection()?;
        outcome = pass.go(&rerun.again(&now), &mut done)?;
    }
    if let Some(code) = outcome.failed {
        return Ok(code);
    }
    tell_idle(ui, workspace, rerun, &done.turns)?;
    if let Some(lost) = outcome.lost {
        return Err(lost);
    }
    let steps = done.steps.values().filter(|&&runs| runs > 0).count();
    say::end(ui, rerun, steps);
    let put_back = rerun.stale();
    if steps == 0 && !put_back.is_empty() {
        ui.note(say::put_back(&put_back));
    }
    Ok(ExitCode::SUCCESS)
}

/// What has been run.
#[derive(Default)]
struct Done {
    /// The turns of the first pass.
    turns: Vec<usize>,
    /// How often each step was.
    steps: HashMap<StepName, usize>,
}

/// What came of going through the turns once.
#[derive(Default)]
struct Outcome {
    runs: usize,
    failed: Option<ExitCode>,
    /// Why a step could not be run.
    lost: Option<CommandError>,
}

/// What every pass needs.
struct Pass<'a> {
    ui: &'a Ui,
    context: &'a Context,
    workspace: &'a Workspace,
    force: bool,
}

impl Pass<'_> {
    /// Takes the turns, one after the other, each judged when those before it are done.
    fn go(&self, rerun: &Rerun<'_, '_>, done: &mut Done) -> Result<Outcome, CommandError> {
        let is_first = done.steps.is_empty();
        let (mut outcome, mut from) = (Outcome::default(), 0);
        loop {
            let snapshot = snapshot_of(self.ui, self.workspace)?;
            let now = snapshot.projection()?;
            let Some((turn, causes)) = rerun.next(from, &now) else {
                return Ok(outcome);
            };
            from = turn + 1;
            let record = rerun.to_repeat(turn, &now);
            let before = done.steps.entry(record.step).or_default();
            if *before > 0 && !rerun.has_news(turn, &now, &causes) {
                continue;
            }
            if let Some(path) = rerun.lost(turn, &now, &causes) {
                outcome
                    .lost
                    .get_or_insert(say::lost(rerun.record(turn), path));
                continue;
            }
            refuse_edited(rerun, turn, self.force)?;
            self.ui.note(say::why(record, &causes));
            *before += 1;
            let status = again(self.ui, self.context, self.workspace, record)?;
            if !status.success() {
                outcome.failed = Some(failed(self.ui, record, status));
                return Ok(outcome);
            }
            outcome.runs += 1;
            if is_first {
                done.turns.push(turn);
            }
        }
    }
}

/// Says which steps made nothing when they were run again, or not all, and so are still what they were.
fn tell_idle(
    ui: &Ui,
    workspace: &Workspace,
    rerun: &Rerun<'_, '_>,
    done: &[usize],
) -> Result<(), CommandError> {
    if done.is_empty() {
        return Ok(());
    }
    let snapshot = snapshot_of(ui, workspace)?;
    let projection = snapshot.projection()?;
    let mut unmade = Unmade::load(&workspace.dot());
    for &turn in done {
        let (run, paths) = rerun.not_made(turn, &projection);
        if !paths.is_empty() {
            ui.warn(say::not_made(rerun, turn, &paths));
            unmade.note(run, paths);
        }
        let causes = rerun.causes(turn, &projection);
        if !causes.is_empty() && rerun.made_nothing(turn, &projection) {
            ui.warn(say::idle(rerun, turn, &causes));
        }
        let causes = rerun.left(turn, &projection);
        if !causes.is_empty() {
            ui.warn(say::left(rerun, turn, &causes));
        }
    }
    let records = projection.history().records();
    unmade.keep(&workspace.dot(), |run| {
        let at = records.iter().position(|record| record.job == run);
        at.is_some_and(|at| projection.stands_for(at) == at)
    });
    Ok(())
}

/// A file that somebody changed by hand may be all that there is of their work.
fn refuse_edited(rerun: &Rerun<'_, '_>, turn: usize, force: bool) -> Result<(), CommandError> {
    match rerun.turns()[turn].edited.first() {
        Some(path) if !force => Err(say::edited(rerun, turn, path)),
        _ => Ok(()),
    }
}

/// Runs a step as `roar run @N` does, in a process of its own: recording a run starts threads and takes
/// a lock that the next command must not meet.
fn again(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    record: &Record,
) -> Result<ExitStatus, CommandError> {
    let program = env::current_exe()
        .map_err(|err| io_error("cannot find the program itself".to_owned(), err))?;
    let mut command = Command::new(program);
    command.arg("-C").arg(workspace.root());
    for (name, value) in &context.around().flags {
        command.arg("--config").arg(format!("{name}={value}"));
    }
    if ui.verbosity() == Verbosity::Quiet {
        command.arg("--quiet");
    }
    command
        .args(["run", "--as-recorded"])
        .arg(record.step.to_string());
    // The file that all this is written to is no output of the step.
    let is_file = fs::metadata("/proc/self/fd/1").is_ok_and(|found| found.is_file());
    if is_file {
        command.stdout(Stdio::piped());
    }
    let mut child = command
        .spawn()
        .map_err(|err| io_error("cannot start roar again".to_owned(), err))?;
    // An interrupt is meant for the command, and it tells how that ended.
    let _uninterrupted = Uninterrupted::begin();
    if let Some(mut output) = child.stdout.take() {
        // Who closed the file does not want it.
        let _ = io::copy(&mut output, &mut io::stdout());
    }
    child
        .wait()
        .map_err(|err| io_error("cannot wait for roar".to_owned(), err))
}

fn failed(ui: &Ui, record: &Record, status: ExitStatus) -> ExitCode {
    ui.warn(format_args!(
        "{} failed; what comes after it was not run",
        record.step
    ));
    if status.signal() == Some(Signal::SIGINT as i32) {
        // Where even that is refused, the exit code tells.
        let _ = raise(Signal::SIGINT);
    }
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    let code = code.and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(Fault::Own.code()))
}

/// Finds the runs that words stand for: a step, who wrote a file, who wrote a dataset.
fn targets(
    context: &Context,
    snapshot: &Snapshot,
    projection: &Projection<'_>,
    words: &[OsString],
) -> Result<Option<Vec<usize>>, CommandError> {
    if words.is_empty() {
        return Ok(None);
    }
    let target = |word: &OsString| say::target(context, snapshot, projection, word);
    words.iter().map(target).collect::<Result<_, _>>().map(Some)
}
