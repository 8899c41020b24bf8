//! What an event source and the code that understands events say to each other.
//!
//! A *source* (`roar-notify`, `roar-ptrace`) stops a thread at the entry of an interesting system
//! call and hands a [`Call`] to a [`Handler`]. The thread waits. Through its [`Pause`] the handler
//! may let it go on early, before the bookkeeping is done; whatever it does, the thread goes on
//! when [`Handler::call`] returns.

use std::ffi::CString;
use std::path::PathBuf;
use std::time::Duration;

/// The system call table that a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86: 32-bit programs, and `int 0x80` from 64-bit ones.
    X86,
    /// The x32 table of 64-bit x86 (number with bit 30 set, already removed).
    X32,
    /// 64-bit ARM.
    Aarch64,
}

/// One system call, as its thread was about to enter it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The calling thread, as seen from this process.
    pub tid: i32,
    /// The table that `number` belongs to.
    pub arch: Arch,
    /// The call's number in that table.
    pub number: u32,
    /// The raw arguments; for 32-bit tables the upper halves are zero.
    pub args: [u64; 6],
}

/// The thread that is waiting at a [`Call`].
pub trait Pause {
    /// Lets the thread go on now; later calls do nothing.
    ///
    /// Returns whether the thread was still there: when it is not, the call never happened and
    /// whatever was read on its behalf may belong to somebody else.
    fn resume(&mut self) -> bool;
}

/// Something that wants to know of a tree of processes what a source can tell.
pub trait Handler {
    /// Takes note of one call while its thread waits.
    fn call(&mut self, call: &Call, pause: &mut dyn Pause);

    /// Is told that process `pid` (a thread group) began; `parent` is 0 when it is not known.
    ///
    /// A source that does not learn of births does not call this.
    fn born(&mut self, _pid: i32, _parent: i32) {}

    /// Is told that process `pid` ended with this raw wait status.
    ///
    /// A source that does not learn of deaths does not call this, except for the command itself.
    fn died(&mut self, _pid: i32, _status: i32) {}

    /// Is called when no call has been waiting for a moment: the time to write things down.
    fn idle(&mut self) {}

    /// Tells how long the handler may be left alone: it is told of idleness at least that often, also if
    /// no call has come.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// A program to start, entirely resolved.
#[derive(Clone, Debug)]
pub struct Command {
    /// The file to execute.
    pub program: PathBuf,
    /// Its arguments, the name it is called by first.
    pub argv: Vec<CString>,
    /// Its whole environment, `NAME=value`.
    pub env: Vec<CString>,
    /// Where it starts; the caller's own directory when `None`.
    pub directory: Option<PathBuf>,
    /// Whether calls that only look at what is there are interesting too. There are many.
    pub looks: bool,
    /// The address of a page from which `openat2` is let pass, for programs that tell themselves what
    /// they open.
    pub gate: Option<u64>,
}

/// How the command came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl Exit {
    /// Reads the raw wait status of a process that has ended.
    pub fn from_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            return Self::Signal(libc::WTERMSIG(status));
        }
        Self::Code(libc::WEXITSTATUS(status))
    }
}

/// What a source tells when the command has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How the command itself ended.
    pub exit: Exit,
    /// Wall-clock start, nanoseconds since 1970.
    pub started_ns: i64,
    /// How long the command ran, by the monotonic clock, without the wait for stragglers.
    pub duration: Duration,
    /// The last of `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT` that came, from the terminal or from
    /// another process, while the command ran.
    pub interrupted: Option<i32>,
    /// Whether descendants were still running when watching stopped.
    pub outlived: bool,
    /// Things the source knows it did not see, in plain words; empty when it saw all.
    pub gaps: Vec<String>,
}
