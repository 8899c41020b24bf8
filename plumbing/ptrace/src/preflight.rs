//! Whether tracing works here, found out by tracing.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};
use roar_launch::{Action, Trial, Unavailable};

use crate::request;
use crate::stop::{Change, Reason};

/// The word that the trial may begin.
const GO: u8 = b'g';

/// Tells whether this way of watching is to be had here, and if not, why.
///
/// Tries it on a short-lived process, and waits for that process's own call to be told: where
/// another listener takes the calls first, everything else succeeds.
pub fn available() -> Result<(), Unavailable> {
    roar_launch::can(Action::Trace)?;
    match is_call_told() {
        Ok(true) => Ok(()),
        Ok(false) if roar_launch::is_nested() => Err(Unavailable::Watched),
        Ok(false) => Err(Unavailable::ListenerExists),
        Err(_) if roar_launch::has_own_tracer() => Err(Unavailable::Watched),
        Err(source) => Err(Unavailable::Refused {
            what: "tracing",
            source,
        }),
    }
}

fn is_call_told() -> io::Result<bool> {
    let trial = Trial::of(Action::Trace);
    let (theirs, ours) = pipe2(OFlag::O_CLOEXEC)?;
    let keep = [theirs.as_raw_fd()];
    // SAFETY: `try_out` makes raw system calls on memory that it has already, and nothing else.
    let pid =
        unsafe { roar_launch::start_helper(c"roar-trial", keep, || try_out(&theirs, &trial)) }?;
    let told = request::seize(pid).and_then(|()| {
        write(&ours, &[GO])?;
        Ok(await_call(pid))
    });
    request::kill(pid, libc::SIGKILL);
    request::reap(pid);
    told
}

/// The helper's whole life. Without the word, its maker is gone or may not trace.
fn try_out(word: &OwnedFd, trial: &Trial) {
    if matches!(read(word, &mut [0]), Ok(1)) {
        let _ = trial.perform();
    }
}

/// Returns whether the helper's call is told before its end.
fn await_call(pid: i32) -> bool {
    while let Some(change) = Change::await_of(pid) {
        match change {
            Change::Stopped(stopped, reason) => {
                stopped.go_on();
                if reason == Reason::Call {
                    return true;
                }
            }
            Change::Ended(..) => return false,
        }
    }
    false
}
