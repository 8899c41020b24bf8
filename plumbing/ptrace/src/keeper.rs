//! What becomes of processes that outlive the watching.
//!
//! A filtered process without a tracer gets `ENOSYS` for every interesting call. So it needs one as
//! long as it lives: a *keeper*, a helper process that lets every call go on. A thread has one
//! tracer at a time and may not run in between: it is stopped by `SIGSTOP`, let go by the first
//! tracer, taken by the second, and continued.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};

use crate::request;
use crate::stop::{Change, Reason, Stopped};

/// Starts a keeper for threads that are all in a group-stop, and for `stopped_by_us`, the processes
/// that are to go on.
///
/// On failure the threads are as they were: traced by this process, and stopped no more.
pub(crate) fn hand_over(frozen: Vec<Stopped>, stopped_by_us: &[i32]) -> io::Result<()> {
    let tids: Vec<i32> = frozen.iter().map(Stopped::tid).collect();
    frozen.into_iter().for_each(Stopped::detach);
    start(&tids, stopped_by_us).inspect_err(|_| take_back(&tids, stopped_by_us))
}

fn start(tids: &[i32], stopped_by_us: &[i32]) -> io::Result<()> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let keep = [theirs.as_raw_fd(), ours.as_raw_fd()];
    // SAFETY: `work` makes system calls on memory that it has already, and nothing else.
    unsafe {
        roar_launch::start_helper(c"roar-keeper", keep, || work(&theirs, tids, stopped_by_us))
    }?;
    drop(theirs);
    match read(&ours, &mut [0])? {
        0 => Err(io::ErrorKind::PermissionDenied.into()),
        _ => Ok(()),
    }
}

/// The keeper's whole life.
fn work(pipe: &OwnedFd, tids: &[i32], stopped_by_us: &[i32]) {
    if tids.iter().any(|tid| request::seize_mildly(*tid).is_err()) {
        return;
    }
    if write(pipe, &[1]).is_err() {
        return;
    }
    go_on(stopped_by_us);
    while let Some(change) = Change::await_next() {
        let Change::Stopped(stopped, reason) = change else {
            continue;
        };
        match reason {
            Reason::GroupStop(_) => stopped.listen(),
            Reason::Signal(signal) => stopped.deliver(signal),
            _ => drop(stopped.go_on()),
        }
    }
}

fn take_back(tids: &[i32], stopped_by_us: &[i32]) {
    for tid in tids {
        // One that is gone needs no tracer.
        let _ = request::seize(*tid);
    }
    go_on(stopped_by_us);
}

fn go_on(processes: &[i32]) {
    for process in processes {
        request::kill(*process, libc::SIGCONT);
    }
}
