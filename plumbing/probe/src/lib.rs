//! Facts about where a command ran: version control, host, packages.
//!
//! Facts go in and no judgement comes out: nothing here decides whether a dirty
//! tree may run or which package matters. What cannot be known is *unknown* and
//! says why, and never stops a run.
//!
//! # Invariants
//!
//! * The usual run starts one process, `git status`, and that only inside a
//!   repository. No package costs a process, ever.
//! * Reading a repository changes nothing in it and starts no hook and no file
//!   system monitor it configures (a clean filter may run, as in any
//!   `git status`). A snapshot adds objects and one ref under `refs/roar/`,
//!   nothing else, and runs no filter.
//! * Whatever costs more than a few file reads is kept in a directory the caller
//!   names, keyed by what it was made from. A cache that is missing, stale or
//!   damaged is rebuilt, never believed.
//! * Paths are bytes.
//!
//! # What is not here
//!
//! No environment variable is read and nothing is redacted: a git remote comes
//! out as it is written, credentials included, and the caller scrubs it.
#![forbid(unsafe_code)]

pub mod conda;
pub mod debian;
pub mod git;
pub mod host;
pub mod named;
pub mod node;
pub mod packages;
mod path_index;
pub mod python;
