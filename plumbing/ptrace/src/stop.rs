//! A thread that is stopped, and why.

use std::io;

use roar_launch::Call;

use crate::request;

/// A thread that we trace and that is stopped: the only one of which much can be asked.
///
/// Neither `Clone` nor `Copy`: letting it go consumes it.
#[derive(Debug)]
#[must_use = "a stopped thread waits for ever"]
pub(crate) struct Stopped(i32);

/// Why a thread is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is about to enter an interesting call.
    Call,
    /// It has made another process or thread.
    Birth,
    /// It executes another program, and was to report that.
    Exec,
    /// Its whole process is stopped, by this signal.
    GroupStop(i32),
    /// It begins, or goes on after a stop.
    Passing,
    /// It is about to be given this signal.
    Signal(i32),
}

/// What a wait may tell of a thread.
#[derive(Debug)]
pub(crate) enum Change {
    /// It is stopped.
    Stopped(Stopped, Reason),
    /// It ended, with this raw wait status.
    Ended(i32, i32),
}

impl Change {
    /// Takes the next change without waiting.
    pub(crate) fn next() -> Option<Self> {
        request::wait().map(Self::read)
    }

    /// Waits for the next change. `None` when no thread is left.
    pub(crate) fn await_next() -> Option<Self> {
        request::wait_long(-1).map(Self::read)
    }

    /// Waits for the next change of one thread. `None` when it is gone.
    pub(crate) fn await_of(tid: i32) -> Option<Self> {
        request::wait_long(tid).map(Self::read)
    }

    fn read((tid, status): (i32, i32)) -> Self {
        if libc::WIFSTOPPED(status) {
            return Self::Stopped(Stopped(tid), reason(status));
        }
        Self::Ended(tid, status)
    }
}

/// Reads a stop status: the signal in the second byte, the event in the third (`ptrace(2)`).
fn reason(status: i32) -> Reason {
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Reason::Call,
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
            Reason::Birth
        }
        libc::PTRACE_EVENT_EXEC => Reason::Exec,
        libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => Reason::GroupStop(signal),
        0 => Reason::Signal(signal),
        _ => Reason::Passing,
    }
}

impl Stopped {
    pub(crate) fn tid(&self) -> i32 {
        self.0
    }

    /// Reads the call that it is about to enter; only at [`Reason::Call`].
    pub(crate) fn call(&self) -> Option<Call> {
        request::call(self.0)
    }

    /// Reads whom it has made at [`Reason::Birth`], or who it was at [`Reason::Exec`].
    pub(crate) fn event_message(&self) -> io::Result<i32> {
        request::event_message(self.0)
    }

    /// Makes it report, or not any more, when it has executed a program.
    pub(crate) fn report_exec(&self, report: bool) {
        // One that is gone executes nothing.
        let _ = request::report_exec(self.0, report);
    }

    /// Lets it go on. Returns whether it was still there: it may be killed at any moment, and its
    /// end is then told by a later wait.
    pub(crate) fn go_on(self) -> bool {
        request::go_on(self.0, 0).is_ok()
    }

    /// Lets it go on with a signal.
    pub(crate) fn deliver(self, signal: i32) {
        let _ = request::go_on(self.0, signal);
    }

    /// Leaves it in its group-stop until that ends.
    pub(crate) fn listen(self) {
        let _ = request::listen(self.0);
    }

    /// Stops tracing it. In a group-stop it stays stopped.
    pub(crate) fn detach(self) {
        let _ = request::detach(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(signal: i32, event: i32) -> i32 {
        event << 16 | signal << 8 | 0x7f
    }

    #[test]
    fn a_stop_status_tells_its_reason() {
        let (trap, stop) = (libc::SIGTRAP, libc::SIGTSTP);
        assert_eq!(
            reason(status(trap, libc::PTRACE_EVENT_SECCOMP)),
            Reason::Call
        );
        assert_eq!(
            reason(status(trap, libc::PTRACE_EVENT_VFORK)),
            Reason::Birth
        );
        assert_eq!(
            reason(status(trap, libc::PTRACE_EVENT_STOP)),
            Reason::Passing
        );
        assert_eq!(
            reason(status(stop, libc::PTRACE_EVENT_STOP)),
            Reason::GroupStop(stop)
        );
        assert_eq!(reason(status(stop, 0)), Reason::Signal(stop));
        assert_eq!(reason(status(trap, 0)), Reason::Signal(trap));
    }
}
