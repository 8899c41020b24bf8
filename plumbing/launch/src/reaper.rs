//! Being the parent of processes whose own parent has ended.
//!
//! Orphans of the command must not go to process 1: where only ancestors may look into a process's
//! memory (`Documentation/admin-guide/LSM/Yama.rst`), their calls could not be read any more.

use std::io;

use crate::sysio;

/// Adopts orphaned descendants until it is dropped.
#[derive(Debug)]
pub struct Reaper {
    was_reaper: bool,
}

/// A child that has news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Its process id.
    pub pid: i32,
    /// Its raw wait status, as `waitpid` gives it.
    pub status: i32,
}

impl Wait {
    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        libc::WIFEXITED(self.status) || libc::WIFSIGNALED(self.status)
    }

    /// The signal that has stopped it, if it is stopped.
    pub fn stopped_by(&self) -> Option<i32> {
        libc::WIFSTOPPED(self.status).then(|| libc::WSTOPSIG(self.status))
    }
}

impl Reaper {
    /// Begins to adopt.
    pub fn adopt() -> io::Result<Self> {
        let was_reaper = sysio::is_subreaper()?;
        sysio::set_subreaper(true)?;
        Ok(Self { was_reaper })
    }

    /// Takes the news of any child, without waiting: ends, stops and continuations.
    ///
    /// It cannot tell adopted children from others, so the end of every child of this process is
    /// taken; a caller has no others while a command runs.
    pub fn next(&self) -> Option<Wait> {
        let options = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
        sysio::reap(-1, options).map(|(pid, status)| Wait { pid, status })
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        // Cannot fail: it has been set before.
        let _ = sysio::set_subreaper(self.was_reaper);
    }
}
