//! Runs that earlier roars could not finish recording: taken in by the next command that can.

use crate::ui::{Ui, Verbosity, escape};
use roar_record::Adopted;
use roar_repo::Workspace;
use roar_store::Notice;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Takes in what earlier runs left behind, and tells of what is worth knowing.
///
/// A question does not wait for this: what cannot be taken in now is taken in later.
pub(crate) fn take_in(ui: &Ui, workspace: &Workspace) {
    if !roar_record::has_leftovers(workspace) {
        return;
    }
    let adopted = roar_record::adopt(workspace, Duration::ZERO, "roar", &mut |_| {});
    for one in &adopted {
        tell(ui, one);
    }
    tell_of_waiting(ui, &adopted);
}

/// Says, in one line, that answers lack runs which are not in the store yet.
fn tell_of_waiting(ui: &Ui, adopted: &[Adopted]) {
    let mut waiting = adopted.iter().filter_map(|one| match one {
        Adopted::Stays {
            why, busy: false, ..
        } => Some(why),
        _ => None,
    });
    if let Some(why) = waiting.next() {
        let (count, runs) = match waiting.count() {
            0 => (1, "run waits"),
            more => (more + 1, "runs wait"),
        };
        ui.warn(format_args!("{count} {runs} to be recorded: {why}"));
    }
}

/// Has another process take in what earlier runs left behind, and waits for it.
///
/// Taking in starts the index, with threads and a lock that would be in the way of a command that is
/// run afterwards.
pub(crate) fn have_taken_in(ui: &Ui, workspace: &Workspace) {
    // Where there is no store, nothing can be taken in.
    if workspace.store().is_none() || !roar_record::has_leftovers(workspace) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut other = Command::new(program);
    other.arg("-C").arg(workspace.root());
    if ui.verbosity() == Verbosity::Quiet {
        other.arg("--quiet");
    }
    // Any question does it first. What cannot be taken in now is taken in later.
    let _ = other
        .arg("count-objects")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
}

fn tell(ui: &Ui, adopted: &Adopted) {
    match adopted {
        Adopted::Kept { step } => {
            ui.note(format_args!("an earlier run is recorded now, as {step}"));
        }
        // That another process was using the index is no news.
        Adopted::Noticed { notice: Notice::IndexUnused { .. } } => {}
        Adopted::Noticed { notice } => ui.warn(notice),
        Adopted::Interrupted { step } => ui.warn(format_args!(
            "a run was cut short when its roar was killed; what was seen of it is recorded as {step}"
        )),
        Adopted::Damaged { path, step } => {
            let rest = step.map_or(String::new(), |step| {
                format!("; what can be made out is recorded as {step}")
            });
            ui.warn(format_args!(
                "the record of a run is damaged; it was moved to '{}'{rest}",
                shown(path)
            ));
        }
        // It is taken in as soon as that can be done.
        Adopted::Stays { path, why, .. } if ui.verbosity() == Verbosity::Verbose => ui.note(
            format_args!("a run in '{}' is not recorded yet: {why}", shown(path)),
        ),
        Adopted::Stays { .. } => {}
    }
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}
