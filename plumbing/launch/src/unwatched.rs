//! Running a command without watching it: the way for where nothing can watch.
//!
//! Signals, the terminal, the exit code and the duration are as in a watched run. There is no
//! filter, so nothing needs to be kept alive for what outlives the command, and nobody is waited
//! for.

use std::time::Duration;

use crate::call::{Command, Finished};
use crate::course::Course;
use crate::error::LaunchError;
use crate::reaper::Wait;
use crate::start::start;
use crate::sysio;

/// How long to wait when there is nothing to wait for in particular.
const LONG: Duration = Duration::from_secs(3600);

/// Runs `command` to its end and looks at nothing that it does.
///
/// Signals of this process are held meanwhile, and the end of any child of this process is taken:
/// a caller has no other children, and no other threads that signals could go to. An error means
/// that the command's program was not executed.
pub fn run_unwatched(command: &Command) -> Result<Finished, LaunchError> {
    let mut course = Course::begin(Duration::ZERO)?;
    let started = start(command, None, &course.signals, |_| Ok(()))?;
    course.signals.serve(started.pid());
    while !course.has_ended() {
        if course.wait_for_signal(LONG) {
            look_after_children(&mut course, started.pid());
        }
    }
    course.finish(sysio::has_children(), &started, command)
}

fn look_after_children(course: &mut Course, command: i32) {
    while let Some(wait) = course.reaper.next() {
        if wait.pid == command && !course.has_ended() {
            command_changed(course, wait);
        }
    }
}

fn command_changed(course: &mut Course, wait: Wait) {
    match wait.stopped_by() {
        // A bare SIGSTOP comes from somebody who minds the command alone and will continue it
        // alone; this process could not serve it then, had it stopped too.
        Some(libc::SIGSTOP) => {}
        Some(signal) => course.signals.stop_like(signal),
        None if wait.has_ended() => course.command_ended(wait.status),
        None => {}
    }
}
