//! Tidying up in the background, after commands that record something.

use crate::context::Context;
use roar_store::wants_gc;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// What tidying up is called where others wait for it.
pub(crate) const NAME: &str = "roar gc --auto";

/// Commands after which there may be much to move.
const RECORDING: &[&str] = &[
    "run",
    "build",
    "rerun",
    "record-job",
    "unpack-objects",
    "index-pack",
    "hash-dataset",
    "bundle",
];

/// Begins to tidy up, if the command of that name may have made it worth while, and does not wait for
/// it. Trouble with it is none: it is as well done after another command.
pub(crate) fn begin_after(command: &str, context: &Context) {
    if !RECORDING.contains(&command) {
        return;
    }
    let Ok(Some(workspace)) = context.find_workspace_again() else {
        return;
    };
    let is_due = workspace
        .store()
        .is_some_and(|store| wants_gc(store).unwrap_or(false));
    if is_due && workspace.config().flag("gc.auto").unwrap_or(false) {
        begin(workspace.root());
    }
}

/// Starts a process that outlives this one, and that an interrupt typed at the terminal does not reach.
fn begin(root: &std::path::Path) {
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let _ = Command::new(program)
        .arg("-C")
        .arg(root)
        .args(["--quiet", "gc", "--auto"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
}
