//! Runs a command and tells which files it read and wrote.
//!
//! The facade over the event sources: it picks one that works here, runs the command under it,
//! turns each call into records, and folds those into an [`Observation`] with a [`Coverage`]
//! verdict. The same handler serves both sources.
//!
//! # What is promised
//!
//! * The command runs once or not at all: whether a source works is found out beforehand
//!   ([`preflight`]).
//! * Content that will be needed is named before it changes, while the changing thread waits
//!   ([`Namer`]).
//! * What was seen can be kept while the command runs ([`Sink`]) and judged later without it
//!   ([`replay`]).
//! * Where a run only looks, and opens nothing, is told to who asks for it ([`Looks`]). It makes many
//!   more calls interesting, so that it is not done for every run.
//! * Nothing is lost in silence. The execution of the command itself is the canary of every run;
//!   what could not be seen or followed is counted and told in [`Coverage::reasons`].
//!
//! # What cannot be seen
//!
//! Descriptors passed over a socket by a process outside the run; what a server outside the run
//! does on its behalf; what a process outside puts in the place of a file that the run has read and,
//! within 10 ms, reads again. A file opened but never read counts as read.
//!
//! # What is not here
//!
//! Files are not hashed (that is the caller's [`Namer`]), nothing is stored, and what a file means
//! is not asked.
#![forbid(unsafe_code)]

mod backend;
mod check;
mod coverage;
mod long;
mod looks;
mod memory;
mod place;
mod recent;
mod replay;
mod run;
mod spool;
mod state;
mod tracer;
mod walk;

pub use backend::{Backend, Choice, PreflightError, preflight};
pub use check::{CheckError, Report, check};
pub use coverage::{Coverage, Verdict};
pub use looks::{Answer, Listing, Looks, Question, Way, names_in};
pub use replay::{Replay, replay};
pub use roar_events::{Digest, State, Version};
pub use roar_launch::{Command, Exit, Finished};
pub use roar_observe::{Change, FileSeen, Observation, ProcessSeen, Seen};
pub use run::{Namer, Options, Trace, TraceError, Unread, run, run_unwatched};
pub use spool::Sink;
pub use state::{is_nameless, state_of, version_of};
