//! Running a command and recording what it did.
//!
//! [`plan`] decides everything that can be decided before the command starts; [`run`] runs it once,
//! watches it, names what it read and wrote, and adds the job to the session. [`adopt`] takes in what
//! earlier runs could not add. [`declare`] adds jobs that were not run here.
//!
//! # Invariants
//!
//! * The command comes first: trouble with the record never changes what the command does or returns.
//! * A run is on disk before its command starts, and what it was seen to do follows while it runs.
//! * No lock is held while a command runs.
//! * Secrets are taken out before anything is written down.
//!
//! # What is not here
//!
//! Nothing is printed, and no event source is known by more than its name (`roar-trace`).
#![forbid(unsafe_code)]

mod adopt;
mod assemble;
mod cached;
mod code_state;
mod compiled;
mod contents;
mod datasets;
mod declare;
mod keep;
mod key;
mod leave;
mod library;
mod looked;
mod request;
mod run;
mod scrub;
mod setting;
mod sorted;
mod spooled;
mod streams;
mod variables;

pub use adopt::{Adopted, Elsewhere, adopt, has_leftovers, leftovers_away, leftovers_elsewhere};
pub use cached::{Cached, CachedError, Hit, cached};
pub use declare::{DeclareError, Declared, DeclaredFile, declare};
pub use keep::KeptBytes;
pub use library::{library, library_place};
pub use request::{Plan, PlanError, Request, plan};
pub use run::{Recorded, Report, RunError, Touched, run};
pub use streams::{Input, Redirected, redirected};
