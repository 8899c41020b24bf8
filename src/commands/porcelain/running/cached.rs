//! `roar run --cached`: not running what a recorded job did already.

use super::Wanted;
use super::redirect::Taken;
use crate::context::Context;
use crate::error::{CommandError, Fault, io_error, with_causes};
use crate::ui::{Ui, Verbosity};
use roar_record::{Cached, CachedError, Hit};
use roar_repo::Workspace;
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// Says which job did it already, or runs it.
pub(super) fn or_run(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    wanted: Wanted,
    taken: &Taken,
) -> Result<ExitCode, CommandError> {
    crate::leftovers::take_in(ui, workspace);
    let plan = super::plan(workspace, wanted)?;
    let config = workspace.config().clone();
    let answer = context.waiting(ui, &config, "roar run", |wait| {
        roar_record::cached(workspace, &plan, wait)
    });
    match answer.map_err(|err| err.with_fault(Fault::Own))? {
        Ok(Cached::Hit(hit)) => {
            tell(ui, &hit);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Cached::Miss { why }) => {
            if ui.verbosity() >= Verbosity::Verbose {
                ui.note(format_args!("roar: not skipped: {why}"));
            }
            Err(run_instead(taken))
        }
        Err(err @ (CachedError::Config(_) | CachedError::Filter(_))) => {
            Err(CommandError::new(Fault::Own, err))
        }
        Err(err) => {
            ui.warn(format_args!("roar: not skipped: {}", with_causes(&err)));
            Err(run_instead(taken))
        }
    }
}

fn tell(ui: &Ui, hit: &Hit) {
    let files = roar_view::count(hit.files as u64, "file");
    let restored = match hit.restored {
        0 => String::new(),
        restored => format!(", {restored} put back"),
    };
    ui.note(format_args!(
        "roar: skipped; {} {} did the same: {files} in place{restored}",
        hit.step,
        hit.job.short()
    ));
}

/// Becomes the same `roar run`, which takes note of where the command looks. Looking for a job has started threads, which would
/// be in the way of watching a command. Returns only if that cannot be done.
fn run_instead(taken: &Taken) -> CommandError {
    if let Err(err) = taken.empty() {
        return err;
    }
    let mut words: Vec<OsString> = env::args_os().collect();
    // Options of the command itself come later.
    if let Some(at) = words.iter().position(|word| word == "--cached") {
        words[at] = "--looks".into();
    }
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(err) => return io_error("cannot find the program itself".to_owned(), err),
    };
    let mut same = Command::new(program);
    if let Some(name) = words.first() {
        same.arg0(name);
    }
    let err = same.args(words.iter().skip(1)).exec();
    io_error("cannot start roar again".to_owned(), err).with_fault(Fault::Own)
}
