//! Starts a command under observation, and speaks of its system calls.
//!
//! The room that both event sources stand on: what a [`Call`] is and what it [means](meaning), how
//! a name is [resolved](resolve) to a program, the filter that picks out the interesting calls, and
//! the [start] of a process under it, whose state is what a shell would have given it.
//!
//! Invariants:
//! - The command gets the signal dispositions, the mask, the descriptors, the process group and the
//!   environment that it would have without roar. (What differs: `NO_NEW_PRIVS` when the caller has
//!   no privilege, and orphans find roar as their parent.)
//! - Between `fork` and `exec` nothing allocates.
//! - No failure of roar stops the command: see [`Janitor`].
//!
//! Not here: receiving events (`roar-notify`, `roar-ptrace`) and understanding them (`roar-trace`).
#![expect(
    unsafe_code,
    reason = "the fence: processes, signals and seccomp have no safe interface"
)]

mod call;
mod channel;
mod course;
mod error;
mod filter;
mod janitor;
mod kin;
mod listener;
mod nested;
mod origin;
mod preflight;
mod reaper;
mod resolve;
mod signals;
mod slice;
mod start;
mod sys;
mod sysio;
mod trial;
mod unwatched;

pub use call::{Arch, Call, Command, Exit, Finished, Handler, Pause};
pub use course::Course;
pub use error::{LaunchError, Unavailable};
pub use filter::{Action, decode};
pub use janitor::Janitor;
pub use kin::{Kin, Kinship, proc_number};
pub use listener::{Listener, Waiting};
pub use nested::{has_own_tracer, is_nested};
pub use origin::{outlive_file_limits, restore_sigpipe};
pub use preflight::can;
pub use reaper::{Reaper, Wait};
pub use resolve::{ResolveError, resolve};
pub use signals::{News, Signals, Uninterrupted, parent_of};
pub use slice::Slices;
pub use start::{Started, start};
pub use sys::{Sys, meaning};
pub use sysio::{read_proc, start_helper};
pub use trial::Trial;
pub use unwatched::run_unwatched;
